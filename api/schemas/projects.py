"""Projects on the wire."""

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel

from api.schemas.times import epoch_seconds, optional_epoch_seconds
from control_plane_server.domain.entities import Project


class ProjectInfo(BaseModel):
    """`paused_since`: null: it is not paused. `paused_until`: null: until it is resumed."""

    project_name: str
    deletion_request_time: int | None
    creation_time: int
    paused_since: int | None
    paused_until: int | None

    @classmethod
    def of(cls, project: Project) -> Self:
        return cls(
            project_name=project.project_name,
            deletion_request_time=optional_epoch_seconds(project.deletion_request_time),
            creation_time=epoch_seconds(project.creation_time),
            paused_since=None if project.pause is None else epoch_seconds(project.pause.since),
            paused_until=None if project.pause is None else optional_epoch_seconds(project.pause.until),
        )


class ProjectsList(BaseModel):
    projects: list[ProjectInfo]

    @classmethod
    def of(cls, projects: Iterable[Project]) -> Self:
        return cls(projects=[ProjectInfo.of(project) for project in projects])
