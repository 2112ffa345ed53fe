"""The part of the API's answers that the demo looks at."""

import json
from typing import Literal

from pydantic import BaseModel


class Execution(BaseModel):
    execution_id: str
    worker_status: str
    outcome: Literal["SUCCEEDED", "FAILED", "ABORTED"] | None
    output: str | None
    error_message: str | None


class Invocation(BaseModel):
    """An invocation, its attempts oldest first."""

    function_name: str
    invocation_id: str
    invocation_status: Literal["RUNNING", "TERMINATED"]
    executions: list[Execution]

    @property
    def latest(self) -> Execution | None:
        return self.executions[-1] if self.executions else None

    @property
    def has_succeeded(self) -> bool:
        return any(execution.outcome == "SUCCEEDED" for execution in self.executions)

    def may_differ_from(self, listed: "ListedInvocation") -> bool:
        """Whether it is worth a request: what runs stays as it is until the list says that it has ended."""
        return self.invocation_status != listed.invocation_status or self.state in ("queued", "starting")

    @property
    def state(self) -> str:
        """In one word, for people."""
        if self.has_succeeded:
            return "succeeded"
        if self.invocation_status == "TERMINATED":
            return "failed"
        if self.latest is None:
            return "queued"
        return "running" if self.latest.worker_status == "RUNNING" else "starting"

    def field(self, name: str) -> int | None:
        """A number out of the latest output, which is a JSON object in this example."""
        output = self.latest.output if self.latest else None
        value = json.loads(output).get(name) if output else None
        return int(value) if value is not None else None


class ListedInvocation(BaseModel):
    invocation_id: str
    invocation_status: Literal["RUNNING", "TERMINATED"]


class InvocationsPage(BaseModel):
    invocations: list[ListedInvocation]
    next_offset: str | None


class FunctionInVersion(BaseModel):
    function_name: str
    function_status: Literal["PENDING", "READY"]
    preparation_error: str | None


class Version(BaseModel):
    version_id: str
    functions: list[FunctionInVersion]


class Logs(BaseModel):
    log_lines: list[str]
