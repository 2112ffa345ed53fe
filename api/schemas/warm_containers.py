"""What warm containers say and are told, on the wire."""

from typing import Annotated, Self
from urllib.parse import quote

from pydantic import BaseModel, Field, model_validator

from api.schemas.executions import ExecutionFinalResultPayload
from api.schemas.secrets import ExecutionEnvironment
from control_plane_server.catalog.warm_containers import containers
from control_plane_server.domain.execution_tokens import launch_token
from control_plane_server.domain.identifiers import ExecutionId

_MOST_LAUNCHES = 999_999
_LARGEST_EXIT_CODE = 255
_LONGEST_TOKEN = 256


class ContainerEnvironment(ExecutionEnvironment):
    """`import_limit_seconds`: after which the container is to end itself with exit code 79, if it still imports the
    code; null: it may take as long as it takes."""

    import_limit_seconds: float | None


class LaunchInContainer(BaseModel):
    execution_id: Annotated[str, Field(max_length=64)]
    launch: Annotated[int, Field(ge=1, le=_MOST_LAUNCHES)]

    def to_domain(self) -> tuple[ExecutionId, int]:
        return ExecutionId(self.execution_id), self.launch


class EndedLaunch(LaunchInContainer):
    """`exit_code`: of its process; 128 and the number of the signal that ended it. Null: not known."""

    exit_code: Annotated[int, Field(ge=-_LARGEST_EXIT_CODE, le=_LARGEST_EXIT_CODE)] | None = None

    def to_ended(self) -> containers.EndedLease:
        return containers.EndedLease(
            execution_id=ExecutionId(self.execution_id), launch=self.launch, exit_code=self.exit_code
        )


class ReportOfEnded(ExecutionFinalResultPayload):
    """As `finish` takes it, without an `output_blob`. `token`: of the lease."""

    token: Annotated[str, Field(max_length=_LONGEST_TOKEN, pattern="^[!-~]+$", repr=False)]

    @model_validator(mode="after")
    def _has_no_blob(self) -> Self:
        if self.output_blob is not None:
            raise ValueError("output_blob must not be set here: only finish takes it")
        return self


class NextRequest(BaseModel):
    """`ended`: what is over in the container, with all of its processes. `report`: of that, where it was not
    said by a request of its own. `running`: what is not over: then the answer comes when that is to stop."""

    ended: EndedLaunch | None = None
    report: ReportOfEnded | None = None
    running: LaunchInContainer | None = None

    @model_validator(mode="after")
    def _only_what_ended_has_a_report(self) -> Self:
        if self.report is not None and self.ended is None:
            raise ValueError("report must not be set unless ended is")
        return self


class LeaseInfo(BaseModel):
    """The execution that the container is to run. `path`: of the execution, for its reports, which take `token` as
    their key. `traceparent`: of the span of its launch. `takes_report`: its report may be said with the next question.
    """

    path: str
    invocation_id: str
    execution_id: str
    launch: int
    token: str = Field(repr=False)
    traceparent: str | None
    takes_report: bool = True

    @classmethod
    def of(cls, lease: containers.Lease, *, signing_key: str) -> Self:
        function = lease.function
        return cls(
            path=(
                f"/projects/{quote(function.project_name, safe='')}/versions/{function.version_id}"
                f"/functions/{quote(function.function_name, safe='')}"
                f"/invocations/{lease.invocation_id}/executions/{lease.execution_id}"
            ),
            invocation_id=lease.invocation_id,
            execution_id=lease.execution_id,
            launch=lease.launch,
            token=launch_token(signing_key, lease.execution_id, lease.launch),
            traceparent=lease.traceparent,
        )


class NextInfo(BaseModel):
    """All of it null and false: ask again. `stop`: the execution that it runs, or is to run, is to stop. `end`: the
    container gets no other execution and is to end."""

    lease: LeaseInfo | None
    stop: bool
    end: bool

    @classmethod
    def of(cls, told: containers.Next, *, signing_key: str) -> Self:
        return cls(
            lease=None if told.lease is None else LeaseInfo.of(told.lease, signing_key=signing_key),
            stop=told.must_stop,
            end=told.must_end,
        )
