"""Log lines of activities say which one it is and whom it concerns."""

import structlog
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from temporalio import activity
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.log_context import LogContext
from control_plane_server.domain.identifiers import ExecutionId, InvocationId
from control_plane_server.domain.messages import RunExecutionRequest

logger = structlog.get_logger(__name__)


async def test_what_is_logged_within_carries_the_identifiers_and_nothing_after_it_does() -> None:
    class Logging(ActivityInboundInterceptor):
        async def execute_activity(self, input: ExecuteActivityInput) -> None:
            logger.info("within")

    @activity.defn
    async def run() -> None:
        request = RunExecutionRequest(
            invocation_id=InvocationId("inv-1"), execution_id=ExecutionId("exe-1"), attempt=2, is_last_attempt=False
        )
        inbound = LogContext().intercept_activity(Logging(ActivityInboundInterceptor.__new__(Logging)))
        await inbound.execute_activity(ExecuteActivityInput(fn=run, args=[request], executor=None, headers={}))
        logger.info("after")

    with capture_logs(processors=[merge_contextvars]) as lines:
        await ActivityEnvironment().run(run)
    within, after = lines
    assert (within["invocation_id"], within["execution_id"]) == ("inv-1", "exe-1")
    assert (within["activity"], within["activity_attempt"]) == ("unknown", 1)
    assert "invocation_id" not in after
