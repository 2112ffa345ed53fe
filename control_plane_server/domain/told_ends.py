"""Ends of invocations as webhooks tell them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.identifiers import FunctionName, InvocationId, ProjectName, VersionId
from control_plane_server.domain.webhooks import WebhookEvent

EVENT_OF = {
    InvocationOutcome.SUCCEEDED: WebhookEvent.SUCCEEDED,
    InvocationOutcome.FAILED: WebhookEvent.FAILED,
    InvocationOutcome.ABORTED: WebhookEvent.FAILED,
    InvocationOutcome.CANCELLED: WebhookEvent.CANCELLED,
    InvocationOutcome.TIMED_OUT: WebhookEvent.TIMED_OUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedInvocation:
    """What is told about an invocation. `error_message`: the first line, cut."""

    project_name: ProjectName
    version_id: VersionId
    function_name: FunctionName
    invocation_id: InvocationId
    batch_id: str | None
    schedule_name: str | None
    replayed_from: str | None
    parent_invocation_id: str | None
    outcome: InvocationOutcome
    error_message: str | None
    attempts: int
    tags: Mapping[str, str]
    creation_time: datetime
    end_time: datetime
