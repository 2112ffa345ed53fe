"""Records spans where settings say so. The SDK of OpenTelemetry is imported only then."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from environment.tracing import TracingSettings

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans

# How long the end of a process waits for its last spans to be sent.
_FLUSH_SECONDS = 3.0


class TracingIsNotInstalled(Exception):
    """Spans are to be recorded, and the extra `tracing` is not installed."""


@contextmanager
def record_spans(settings: TracingSettings, *, service: str) -> Iterator["Spans | None"]:
    """Record spans while the context lasts; yields None if settings turn tracing off. Raises TracingIsNotInstalled.

    `service`: the service's name unless OTEL_SERVICE_NAME gives one.
    """
    if not settings.is_on:
        yield None
        return
    try:
        from control_plane_server.telemetry.spans import Spans  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise TracingIsNotInstalled(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but what it needs is not installed: pip install "
            "'control-plane[tracing]', or set OTEL_SDK_DISABLED=true"
        ) from error
    spans = Spans(service=settings.service_name or service)
    try:
        yield spans
    finally:
        # A collector that does not answer must not hold up the end of the process.
        closing = threading.Thread(target=spans.close, daemon=True)
        closing.start()
        closing.join(_FLUSH_SECONDS)
