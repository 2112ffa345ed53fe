"""The service itself on the wire: health, errors, where images are pushed."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel

from control_plane_server.domain.containers import ImageFolder, RepositoryCredentials


class HealthStatus(BaseModel):
    status: str


class DependencyStatus(StrEnum):
    OK = "ok"
    AWAY = "away"
    NOT_OURS = "not ours"  # it is there, and works for another catalog, or has lost its state


class ReadinessStatus(BaseModel):
    postgres: DependencyStatus
    temporal: DependencyStatus


class ErrorResponse(BaseModel):
    detail: str


class ContainerRepositoryCredentials(BaseModel):
    repository_name: str
    username: str
    password: str
    endpoint_url: str
    platform: str

    @classmethod
    def of(cls, credentials: RepositoryCredentials) -> Self:
        return cls(
            repository_name=credentials.repository_name,
            username=credentials.username,
            password=credentials.password,
            endpoint_url=credentials.endpoint_url,
            platform=credentials.platform,
        )


class RemovedImages(BaseModel):
    removed: int


class ImageFolderInfo(BaseModel):
    path: str
    identity: str

    @classmethod
    def of(cls, folder: ImageFolder) -> Self:
        return cls(path=folder.path, identity=folder.identity)
