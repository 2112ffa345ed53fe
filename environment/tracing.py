"""Whether spans are recorded. The SDK of OpenTelemetry is imported only if they are."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from environment.spans import Spans

# For the last spans, when a process ends.
_FLUSH_SECONDS = 3.0


class TracingSettings(BaseSettings):
    """OTEL_*: of these, only what decides whether spans are recorded. The others are read by OpenTelemetry itself."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", env_ignore_empty=True)

    exporter_otlp_endpoint: str | None = None
    exporter_otlp_traces_endpoint: str | None = None
    service_name: str | None = None
    sdk_disabled: bool = False

    @property
    def is_on(self) -> bool:
        return not self.sdk_disabled and bool(self.exporter_otlp_endpoint or self.exporter_otlp_traces_endpoint)


class TracingIsNotInstalled(Exception):
    """Spans are to be recorded, and what records them is not there."""


@contextmanager
def recording_spans(settings: TracingSettings, *, service: str) -> Iterator["Spans | None"]:
    """What records spans as long as the context lasts; None if nothing is to. Raises TracingIsNotInstalled.

    `service`: what this process is called unless OTEL_SERVICE_NAME says it.
    """
    if not settings.is_on:
        yield None
        return
    try:
        from environment.spans import Spans  # noqa: PLC0415 - an extra, which is not there as a rule
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
