"""From where on an invocation's events are of interest to a page that shows it as it is."""

from api.events.positions import Position, Stage
from control_plane_server.domain.entities import ContainerStatus, Execution, Invocation


def position_of(invocation: Invocation, log_offset: str | None) -> Position:
    """Behind all that the invocation shows. `log_offset`: up to where the log of its last execution is shown; None: it
    is not. Of a stage that it does not show exactly, the event comes once more."""
    if not invocation.executions:
        return Position(stage=Stage.CREATED)
    last = invocation.executions[-1]
    return Position(
        attempt=last.attempt,
        launch=last.launches,
        stage=_stage_of(last),
        is_cancellation_sent=invocation.cancellation_request_time is not None,
        log_offset=log_offset,
    )


def _stage_of(execution: Execution) -> Stage:
    if execution.container_status is ContainerStatus.TERMINATED:
        return Stage.TERMINATED
    if execution.outcome is not None and execution.execution_finish_time is not None:
        return Stage.FINISHED
    if execution.execution_start_time is not None:
        return Stage.STARTED
    if execution.container_details is not None:
        return Stage.RUNNING
    return Stage.PROVISIONING if execution.launches else Stage.CREATED
