"""How long the next attempt waits."""

from datetime import timedelta

from control_plane_server.domain.entities import Execution, Invocation
from control_plane_server.domain.identifiers import drawn_from
from workflows.policies import backoff_after, retry_policy_of


def back_off_of(invocation: Invocation, failed: Execution) -> timedelta:
    """After this attempt, as its workflow reckons it."""
    spec = invocation.function.execution_spec
    return backoff_after(
        failed.attempt, retry_policy_of(spec), jitter=spec.retry_jitter, drawn=drawn_from(failed.execution_id)
    )
