"""Versions on the wire."""

import json
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from api.schemas.bounded import DockerImage
from api.schemas.functions import FunctionInfoForVersion, FunctionSpec
from api.schemas.schedule_times import distinct_names
from api.schemas.times import epoch_seconds
from control_plane_server.domain import bounds, entities, specs
from control_plane_server.domain.entities import VersionStatus


class VersionDefinition(BaseModel):
    default_docker_image: DockerImage
    # Only the first invalid function is reported: collecting the mistakes of a thousand would take seconds.
    functions: Annotated[list[FunctionSpec], Field(fail_fast=True, max_length=bounds.MAX_FUNCTIONS)]

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        if len({function.function_name for function in self.functions}) < len(self.functions):
            raise ValueError("function_name values must be distinct")
        return self

    @model_validator(mode="after")
    def _names_are_short_in_all(self) -> Self:
        names = (json.dumps(function.function_name, ensure_ascii=False) for function in self.functions)
        most = bounds.MAX_FUNCTION_NAMES_BYTES
        if sum(len(name.encode()) for name in names) > most:
            raise ValueError(f"function_name values must not exceed {most} bytes of JSON in all")
        return self

    @model_validator(mode="after")
    def _schedules_are_distinct_and_few(self) -> Self:
        names = [schedule.name for function in self.functions for schedule in function.schedules]
        distinct_names(names)
        if len(names) > bounds.MAX_SCHEDULES:
            raise ValueError(f"a version declares at most {bounds.MAX_SCHEDULES} schedules")
        return self

    def to_domain(self) -> list[specs.FunctionSpec]:
        return [function.to_domain(self.default_docker_image) for function in self.functions]


class VersionInfo(BaseModel):
    """`is_latest`: whether `latest` is this one. REFUSED: a function of it never will be READY."""

    project_name: str
    version_id: str
    creation_time: int
    status: VersionStatus
    is_latest: bool
    functions: list[FunctionInfoForVersion]

    @classmethod
    def of(cls, version: entities.Version) -> Self:
        return cls(
            project_name=version.project_name,
            version_id=version.version_id,
            creation_time=epoch_seconds(version.creation_time),
            status=version.status,
            is_latest=version.is_latest,
            functions=[FunctionInfoForVersion.of(function) for function in version.functions],
        )


class VersionInfoForProject(BaseModel):
    version_id: str
    creation_time: int
    status: VersionStatus
    is_latest: bool

    @classmethod
    def of(cls, version: entities.VersionSummary) -> Self:
        return cls(
            version_id=version.version_id,
            creation_time=epoch_seconds(version.creation_time),
            status=version.status,
            is_latest=version.is_latest,
        )


class VersionsListForProject(BaseModel):
    project_name: str
    versions: list[VersionInfoForProject]

    @classmethod
    def of(cls, project_name: str, versions: Iterable[entities.VersionSummary]) -> Self:
        return cls(project_name=project_name, versions=[VersionInfoForProject.of(version) for version in versions])
