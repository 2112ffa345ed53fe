"""A client whose cancellations are noted, and may fail."""

from temporalio.client import CancelWorkflowInput, Interceptor, OutboundInterceptor
from temporalio.service import RPCError, RPCStatusCode


class Cancellations(Interceptor, OutboundInterceptor):
    """Notes which workflows are to be cancelled; Temporal fails to take one of these."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.fails: str | None = None

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        OutboundInterceptor.__init__(self, next)
        return self

    async def cancel_workflow(self, input: CancelWorkflowInput) -> None:
        self.tried.append(input.id)
        if input.id == self.fails:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        await super().cancel_workflow(input)
