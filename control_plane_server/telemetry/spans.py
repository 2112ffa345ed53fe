"""Records spans with OpenTelemetry. The only module that imports its SDK, and is imported only where tracing is on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.traces import SpanRef

Attributes = Mapping[str, str | int]

_DERIVED: ContextVar[SpanRef | None] = ContextVar("derived ids of the next span", default=None)
_SERVER_ERRORS = 500


class Spans:
    """The spans of one process, sent in batches by a thread of their own. Configured by OTEL_*: OpenTelemetry, "SDK
    environment variables"."""

    def __init__(self, *, service: str) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: service}), id_generator=_Ids(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("control-plane")

    def close(self) -> None:
        """Send what is left, and wait until that is sent or has failed for good."""
        self._provider.shutdown()

    @contextmanager
    def serving(self, method: str, headers: Mapping[str, str]) -> Iterator["RequestSpan"]:
        """The span of a request that is served within the context, below the one that its `traceparent` names."""
        parent = TraceContextTextMapPropagator().extract(headers)
        with self._tracer.start_as_current_span(method, context=parent, kind=SpanKind.SERVER) as span:
            yield RequestSpan(span, method)

    def current_traceparent(self) -> str:
        """The `traceparent` of the current span."""
        return self.traceparent_of(trace.get_current_span())

    def traceparent_of(self, span: Span) -> str:
        return str(_ref_of(span))

    def origin(self, invocation_id: InvocationId) -> Span:
        """A span that stands for the request that made the invocation. It is recorded when the caller ends it."""
        return self._start("start invocation", SpanRef.without_request(invocation_id), parent=None)

    def record(
        self,
        name: str,
        ref: SpanRef,
        *,
        parent: SpanRef,
        start: datetime,
        attributes: Attributes,
        error: str | None = None,
    ) -> None:
        """Record a span that began at `start` and ends now. Repeating it records the same span, as its id is given."""
        span = self._start(name, ref, parent=parent, start=start, attributes=attributes)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end()

    def _start(
        self,
        name: str,
        ref: SpanRef,
        *,
        parent: SpanRef | None,
        start: datetime | None = None,
        attributes: Attributes | None = None,
    ) -> Span:
        above = trace.INVALID_SPAN if parent is None else NonRecordingSpan(_context_of(parent))
        token = _DERIVED.set(ref)
        try:
            return self._tracer.start_span(
                name,
                context=trace.set_span_in_context(above),
                start_time=_nanoseconds(start or datetime.now(UTC)),
                attributes=attributes,
            )
        finally:
            _DERIVED.reset(token)


class RequestSpan:
    """The span of a request while it is served."""

    def __init__(self, span: Span, method: str) -> None:
        self._span = span
        self._method = method

    def record_response(self, *, route: str, status: int) -> None:
        """Name the span after the route, and add the status. `status`: of HTTP; from 500 on it is an error."""
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attributes(
            {"http.request.method": self._method, "http.route": route, "http.response.status_code": status}
        )
        if status >= _SERVER_ERRORS:
            self._span.set_status(StatusCode.ERROR)


class _Ids(RandomIdGenerator):
    """Gives a span its derived ids where there are some, else random ones."""

    def generate_span_id(self) -> int:
        derived = _DERIVED.get()
        return super().generate_span_id() if derived is None else int(derived.span_id, 16)

    def generate_trace_id(self) -> int:
        derived = _DERIVED.get()
        return super().generate_trace_id() if derived is None else int(derived.trace_id, 16)


def _ref_of(span: Span) -> SpanRef:
    context = span.get_span_context()
    return SpanRef(
        trace_id=trace.format_trace_id(context.trace_id),
        span_id=trace.format_span_id(context.span_id),
        flags=f"{context.trace_flags:02x}",
    )


def _context_of(ref: SpanRef) -> SpanContext:
    return SpanContext(
        trace_id=int(ref.trace_id, 16),
        span_id=int(ref.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(ref.flags, 16)),
    )


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp() * 1_000_000) * 1_000
