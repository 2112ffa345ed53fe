"""A collector of OpenTelemetry spans, as far as a test needs one: takes what is sent to it over HTTP and keeps it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A span as it was sent. Ids are hex; `parent` is empty for a root; times in nanoseconds since 1970."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent: str
    start: int
    end: int
    is_error: bool
    attributes: dict[str, str]


class Collector:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._spans: list[Received] = []
        self._bodies: list[bytes] = []

    def receive(self, body: bytes) -> None:
        self._bodies.append(body)
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _texts(resource_spans.resource.attributes)["service.name"]
            self._spans += [
                Received(
                    service=service,
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    is_error=span.status.code == span.status.STATUS_CODE_ERROR,
                    attributes=_texts(span.attributes),
                )
                for scope_spans in resource_spans.scope_spans
                for span in scope_spans.spans
            ]

    def has(self, text: str) -> bool:
        """Whether it is anywhere in what has come so far."""
        return any(text.encode() in body for body in self._bodies)

    def trace(self, trace_id: str) -> dict[str, Received]:
        """The spans of a trace that have come so far, by their ids."""
        return {span.span_id: span for span in list(self._spans) if span.trace_id == trace_id}

    async def span(self, name: str, **attributes: str) -> Received:
        """The first of this name, and with these attributes of ours, once it has come."""
        wanted = {f"control_plane.{key}": value for key, value in attributes.items()}.items()
        while True:
            for span in list(self._spans):
                if span.name == name and wanted <= span.attributes.items():
                    return span
            await asyncio.sleep(0.05)


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _texts(attributes: Any) -> dict[str, str]:
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value"))) for pair in attributes}
