"""The spans of invocations, executions and launches, each recorded when it is over.

Their ids are derived, and their start times are in the catalog. So any process can record them, also one that took
over, and a span that was recorded twice is one span.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.domain.traces import InvocationTrace, SpanRef

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Attributes, Spans


class ExecutionSpans:
    """Records nothing where tracing is off, or was when the invocation was made."""

    def __init__(self, spans: "Spans | None") -> None:
        self._spans = spans

    def record_launch(
        self, trace: InvocationTrace | None, name: ContainerName, *, start: datetime, error: str | None
    ) -> None:
        """A launch, from the request to the provisioner's answer."""
        if trace is None:
            return
        attributes: Attributes = {
            "control_plane.execution_id": name.execution_id,
            "control_plane.launch": name.launch,
        }
        ref, parent = trace.below(str(name)), trace.below(name.execution_id)
        self._record(trace, "launch", ref, parent=parent, start=start, attributes=attributes, error=error)

    def record_execution(
        self, trace: InvocationTrace | None, execution_id: ExecutionId, *, start: datetime, error: str | None
    ) -> None:
        """An execution, from its slot to its recorded end."""
        if trace is None:
            return
        attributes: Attributes = {"control_plane.execution_id": execution_id}
        ref, parent = trace.below(execution_id), trace.invocation
        self._record(trace, "execution", ref, parent=parent, start=start, attributes=attributes, error=error)

    def record_invocation(self, trace: InvocationTrace | None, *, error: str | None) -> None:
        """An invocation, from its creation on."""
        if trace is None:
            return
        start, ref, parent = trace.creation_time, trace.invocation, trace.origin
        self._record(trace, "invocation", ref, parent=parent, start=start, attributes={}, error=error)

    def _record(
        self,
        trace: InvocationTrace,
        kind: str,
        ref: SpanRef,
        *,
        parent: SpanRef,
        start: datetime,
        attributes: "Attributes",
        error: str | None,
    ) -> None:
        if self._spans is None:
            return
        of_invocation = {
            "control_plane.invocation_id": trace.invocation_id,
            "control_plane.project": trace.function.project_name,
            "control_plane.version_id": trace.function.version_id,
            "control_plane.function": trace.function.function_name,
        }
        self._spans.record(
            f"{kind} {trace.function.function_name}",
            ref,
            parent=parent,
            start=start,
            attributes={**of_invocation, **attributes},
            error=error,
        )
