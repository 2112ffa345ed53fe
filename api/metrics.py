"""Metrics of the `api` process."""

import time

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane_server.domain.entities import Execution

_DURATION = Histogram(
    "control_plane_http_request_duration_seconds",
    "Time from a request's headers to the end of its answer. Long polls have a route of their own.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_PROVISIONING = Histogram(
    "control_plane_provisioning_duration_seconds",
    "Time from the note of a launch to the first word of its container.",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0),
)

_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})
_OTHER = "OTHER"
_NO_ROUTE = "NONE"
_LONG_POLL = "?wait_seconds"
_ALWAYS_LONG_POLLS = "/containers/{container_id}/next"


class RequestDurations:
    """Middleware: measures each request. Its labels have few values, as they hold the routes' templates, not paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500  # of a defect, which is answered outside of this middleware

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else _OTHER
            _DURATION.labels(method, route_of(scope), status).observe(time.perf_counter() - start)


def route_of(scope: Scope) -> str:
    """The template of the route that has answered, as it stands in the API's document."""
    template = getattr(scope.get("route"), "path", _NO_ROUTE)
    is_long_poll = b"wait_seconds=" in scope["query_string"] or template == _ALWAYS_LONG_POLLS
    return f"{template}{_LONG_POLL}" if is_long_poll else template


def observe_start(execution: Execution) -> None:
    """Measure the provisioning of an execution that its container has just started, by the catalog's times. Where the
    container was there before, nothing was provisioned."""
    if execution.is_warm_start:
        return
    if execution.launch_time is not None and execution.execution_start_time is not None:
        _PROVISIONING.observe((execution.execution_start_time - execution.launch_time).total_seconds())
