"""Replays on the wire."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.bounded import Text
from api.schemas.filters import Outcomes, Second, TagFilters, tags_of
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.domain.entities import InvocationStatus


def _has_ended(status: InvocationStatus) -> InvocationStatus:
    if status is not InvocationStatus.TERMINATED:
        raise ValueError("what is RUNNING cannot be replayed: status must be TERMINATED, or left out")
    return status


class InvocationReplay(BaseModel):
    """`version_ref`: a version's id, or `latest`; null: the version that the invocation ran in."""

    model_config = ConfigDict(extra="forbid")

    version_ref: Text | None = None


class ProjectReplay(BaseModel):
    """What is to be replayed: the filters of a project's list, all of which must hold. `status` can only be TERMINATED,
    as what has not ended is not replayed. `version_ref`: a version's id, or `latest`, whose functions of the same names
    are called; null: each runs in the version that it ran in. A field that is not known is refused, as without it more
    would be replayed."""

    model_config = ConfigDict(extra="forbid")

    version_ref: Text | None = None
    status: Annotated[InvocationStatus, AfterValidator(_has_ended)] = InvocationStatus.TERMINATED
    outcome: Outcomes = Field(default_factory=list)
    function_name: Text | None = None
    version_id: Text | None = None
    tag: TagFilters = Field(default_factory=list)
    since: Second | None = None
    until: Second | None = None
    parent_invocation_id: Text | None = None
    batch_id: Text | None = None
    concurrency_key: Text | None = None

    def to_domain(self) -> ProjectInvocationFilter:
        return ProjectInvocationFilter(
            outcomes=tuple(self.outcome),
            function_name=self.function_name,
            version_id=self.version_id,
            tags=tags_of(self.tag),
            since=self.since,
            until=self.until,
            parent_invocation_id=self.parent_invocation_id,
            batch_id=self.batch_id,
            concurrency_key=self.concurrency_key,
        )
