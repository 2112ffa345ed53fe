"""Adds to the log lines of an activity its name, its try and the identifiers in its request."""

from typing import Any

import structlog
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

_IDENTIFIERS = ("batch_id", "invocation_id", "execution_id", "project_name", "version_id")


class LogContext(Interceptor):
    """Interceptor: binds `activity`, `activity_attempt` and the identifiers in the request while an activity runs."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Bound(next)


class _Bound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        request = input.args[0] if input.args else None
        identifiers = {name: getattr(request, name) for name in _IDENTIFIERS if hasattr(request, name)}
        with structlog.contextvars.bound_contextvars(
            activity=info.activity_type, activity_attempt=info.attempt, **identifiers
        ):
            return await super().execute_activity(input)
