"""A whole project's invocations on the wire."""

from typing import Self

from pydantic import BaseModel

from api.schemas.invocations import InvocationInfoForFunction
from control_plane_server.catalog.project_invocations import ListedInvocation, ProjectInvocationPage


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
