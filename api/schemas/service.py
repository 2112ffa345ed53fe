"""What is said on the wire about the service itself: health, errors, where images are pushed."""

from enum import StrEnum

from pydantic import BaseModel


class HealthStatus(BaseModel):
    status: str


class DependencyStatus(StrEnum):
    OK = "ok"
    AWAY = "away"


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
