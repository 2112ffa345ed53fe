"""A whole project's invocations on the wire: listed, counted, and what failed."""

from typing import Self

from pydantic import BaseModel

from api.schemas.invocations import InvocationCounts, InvocationInfoForFunction
from api.schemas.times import epoch_seconds
from control_plane_server.catalog.project_invocations import ListedInvocation, ProjectInvocationPage
from control_plane_server.domain import entities
from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.failures import FailureGroup


class InvocationInfoForProject(InvocationInfoForFunction):
    version_id: str
    function_name: str

    @classmethod
    def of_listed(cls, listed: ListedInvocation) -> Self:
        return cls(
            **InvocationInfoForFunction.of(listed.invocation).model_dump(),
            version_id=listed.function.version_id,
            function_name=listed.function.function_name,
        )


class InvocationsListForProject(BaseModel):
    project_name: str
    invocations: list[InvocationInfoForProject]
    next_offset: str | None

    @classmethod
    def of(cls, project_name: str, page: ProjectInvocationPage) -> Self:
        return cls(
            project_name=project_name,
            invocations=[InvocationInfoForProject.of_listed(listed) for listed in page.invocations],
            next_offset=page.next_offset,
        )


class InvocationCountsForProject(BaseModel):
    project_name: str
    counts: InvocationCounts

    @classmethod
    def of(cls, project_name: str, counts: entities.InvocationCounts) -> Self:
        return cls(project_name=project_name, counts=InvocationCounts.of(counts))


class FailuresOfOneKind(BaseModel):
    """Failures of a function that are alike: `error_message` has marks for what varies, as numbers and ids, and
    `example_message` is that of the newest of them. The times are of their creation."""

    function_name: str
    error_message: str
    outcome: InvocationOutcome
    count: int
    first_time: int
    last_time: int
    newest_invocation_id: str
    example_message: str

    @classmethod
    def of(cls, group: FailureGroup) -> Self:
        newest = group.newest
        return cls(
            function_name=newest.function_name,
            error_message=group.pattern,
            outcome=newest.outcome,
            count=group.count,
            first_time=epoch_seconds(group.first_time),
            last_time=epoch_seconds(newest.last_time),
            newest_invocation_id=newest.newest_invocation_id,
            example_message=newest.error_message,
        )


class FailuresOfProject(BaseModel):
    """Newest first."""

    project_name: str
    failures: list[FailuresOfOneKind]
