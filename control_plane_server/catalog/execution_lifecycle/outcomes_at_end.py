"""How an execution came out whose container is gone, by its row under the lock: `terminations.py`."""

from typing import Any

from sqlalchemy import Row

from control_plane_server.domain.entities import ContainerStatus, ExecutionOutcome


def outcome_of(state: Row[*tuple[Any, ...]]) -> ExecutionOutcome | None:
    """What the container reported. An abort that we did not cause becomes the outcome here, as the container is gone. A
    container that we stopped is ABORTED without a report too, as when it was killed after its grace period; one whose
    attempt timed out is FAILED."""
    if state.outcome is not None and not _is_taken_for_aborted(state):
        return ExecutionOutcome(state.outcome)
    if is_timed_out_attempt(state):
        return ExecutionOutcome.FAILED
    was_stopped = state.termination_signal_time is not None and state.execution_start_time is not None
    return ExecutionOutcome.ABORTED if was_stopped or state.execution_finish_time is not None else None


def is_timed_out_attempt(state: Row[*tuple[Any, ...]]) -> bool:
    """As `attempt_timeouts.IS_TIMED_OUT_ATTEMPT`, of an execution that has started."""
    is_told = state.termination_signal_time is not None and state.execution_start_time is not None
    return is_told and not state.is_stopped and state.attempt_timeout_text is not None


def _is_taken_for_aborted(state: Row[*tuple[Any, ...]]) -> bool:
    """Whether an attempt that timed out has reported to the release before, which knows stopped executions only."""
    is_live = state.container_status != ContainerStatus.TERMINATED
    return is_live and state.outcome == ExecutionOutcome.ABORTED and is_timed_out_attempt(state)


def is_final(error_message: str | None, state: Row[*tuple[Any, ...]]) -> bool:
    """As `reports.py` has it, also of what the container did not report."""
    return error_message is not None and error_message.partition(":")[0] in (state.no_retry_on or ())


def awaits_reason(state: Row[*tuple[Any, ...]]) -> bool:
    """Whether the reason why its container is gone becomes its error message, as nothing else explains its end."""
    if _is_taken_for_aborted(state):
        return True
    if state.outcome is not None or state.execution_finish_time is not None:
        return False
    return state.termination_signal_time is None or state.execution_start_time is not None
