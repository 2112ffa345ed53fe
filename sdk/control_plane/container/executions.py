"""The execution that this container carries out, as the API knows it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from control_plane.container.api import Api
from control_plane.container.environment import Environment
from control_plane.container.reports import Report
from control_plane.errors import Refused

if TYPE_CHECKING:
    from control_plane.container.blobs import ExecutionBlobs

_ALREADY_STARTED = "This execution has already started"
_ALREADY_FINISHED = "This execution has already finished"


class Execution(NamedTuple):
    """`deadline` is the last second, since the epoch, at which the invocation has not yet timed out. `must_stop`: the
    control plane has decided so, and told the container, or is about to. `attempt_timeout`: in seconds, from its start;
    None: there is none. `has_secrets`: of its function, to be asked for. `no_retry_on`: names of errors that no other
    attempt can help. `resumes_children`: this attempt finds the children of earlier ones. `input_blob`: of an input
    that is too large for an answer; then `input` is empty. `launch`: the number of the newest container's; None: of a
    control plane of an earlier release. `scheduled_time`: of the schedule that called, since the epoch; None: none
    did."""

    input: str
    deadline: int
    must_stop: bool
    attempt_timeout: int | None
    has_secrets: bool
    no_retry_on: tuple[str, ...]
    resumes_children: bool
    input_blob: str | None = None
    launch: int | None = None
    scheduled_time: int | None = None


class Start(NamedTuple):
    """`is_repeat`: an earlier try may have been carried out, at a moment that is not known."""

    execution: Execution
    is_repeat: bool


class ExecutionClient:
    """Each method raises Refused and Unreachable."""

    def __init__(self, api: Api, environment: Environment) -> None:
        self._api = api
        self._path = path_of(environment)

    def blobs(self) -> ExecutionBlobs:
        """Few executions have any."""
        found: ExecutionBlobs = importlib.import_module("control_plane.container.blobs").ExecutionBlobs(
            self._api, self._path
        )
        return found

    def get(self) -> Execution:
        return _execution(self._api.request("GET", self._path).document)

    def secrets(self) -> dict[str, str]:
        """Values by the names of their variables."""
        secrets: dict[str, str] = self._api.request("GET", self._path + "/environment").document["secrets"]
        return secrets

    def start(self) -> Start:
        """The answer has all that there is to know."""
        try:
            reply = self._api.request("PUT", self._path + "/start")
        except Refused as refusal:
            if not _was_done(refusal, _ALREADY_STARTED):
                raise
            return Start(self.get(), is_repeat=True)
        return Start(_execution(reply.document), reply.is_repeat)

    def update(self, output: str) -> None:
        self._api.request("PUT", self._path + "/update", body={"latest_output": output})

    def finish(self, document: dict[str, Any]) -> None:
        """`document`: a report."""
        try:
            self._api.request("PUT", self._path + "/finish", body=document)
        except Refused as refusal:
            if not _was_done(refusal, _ALREADY_FINISHED):
                raise


def document_of(report: Report) -> dict[str, Any]:
    """As the API wants it."""
    document: dict[str, Any] = {
        "outcome": report.outcome,
        "final_output": report.output,
        "error_message": report.error_message,
    }
    if report.output_blob is not None:
        document["output_blob"] = report.output_blob
    # A control plane of an earlier release takes no notice of these.
    if report.error_traceback is not None:
        document["error_traceback"] = report.error_traceback
    if report.is_final:
        document["retry"] = False
    return document


def path_of(environment: Environment) -> str:
    """Of the execution, in the API."""
    return "/projects/%s/versions/%s/functions/%s/invocations/%s/executions/%s" % tuple(
        quote(part, safe="")
        for part in (
            environment.project_name,
            environment.version_id,
            environment.function_name,
            environment.invocation_id,
            environment.execution_id,
        )
    )


def _execution(document: dict[str, Any]) -> Execution:
    specification = document["execution_spec"]
    return Execution(
        input=document["input"],
        deadline=document["invocation_creation_time"] + specification["timeout_seconds"],
        must_stop=document.get("termination_signal_time") is not None,
        attempt_timeout=specification.get("attempt_timeout_seconds"),
        # A control plane of an earlier release knows none of these.
        has_secrets=document.get("has_secrets", False),
        no_retry_on=tuple(specification.get("no_retry_on", ())),
        resumes_children=specification.get("resume_children", False),
        input_blob=document.get("input_blob"),
        launch=document.get("launch"),
        scheduled_time=document.get("scheduled_time"),
    )


def _was_done(refusal: Refused, detail: str) -> bool:
    """Whether an earlier try of this request, whose answer was lost, did what this one was refused."""
    return refusal.is_repeat and refusal.status == 409 and refusal.detail == detail
