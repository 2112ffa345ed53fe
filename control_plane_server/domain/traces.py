"""Where the spans of an invocation stand in a trace, as W3C Trace Context writes it.

Ids are derived, never drawn: every process that goes on with an execution names the same spans, and a
repeated launch request is byte-identical. Source: https://www.w3.org/TR/trace-context/
"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime

from control_plane_server.domain.identifiers import FunctionRef, InvocationId

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_SAMPLED = "01"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRef:
    """A span by its trace, its id and the flags of the trace, each in lower case hex. Its text is a `traceparent`."""

    trace_id: str
    span_id: str
    flags: str

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def below(self, name: str) -> "SpanRef":
        """The span of this name in the same trace."""
        return replace(self, span_id=_digest(f"{self.trace_id}:{name}")[:16])

    @classmethod
    def parse(cls, traceparent: str) -> "SpanRef":
        """The span that a `traceparent` names. Raises ValueError for any text that `str` does not give."""
        found = _TRACEPARENT.fullmatch(traceparent)
        if found is None:
            raise ValueError(f"not a traceparent: {traceparent!r}")
        return cls(trace_id=found[1], span_id=found[2], flags=found[3])

    @classmethod
    def without_request(cls, invocation_id: InvocationId) -> "SpanRef":
        """Stands for the request that made the invocation, where that request's span is not known any more."""
        trace_id = _digest(invocation_id)[:32]
        return cls(trace_id=trace_id, span_id=_digest(trace_id)[:16], flags=_SAMPLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationTrace:
    """What is needed of an invocation to record its spans. `traceparent`: of the request that made it."""

    traceparent: str
    invocation_id: InvocationId
    function: FunctionRef
    creation_time: datetime

    @property
    def origin(self) -> SpanRef:
        return SpanRef.parse(self.traceparent)

    @property
    def invocation(self) -> SpanRef:
        return self.origin.below(self.invocation_id)

    def below(self, name: str) -> SpanRef:
        """The span of an execution, by its id, or of a launch, by its container's name."""
        return self.origin.below(name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
