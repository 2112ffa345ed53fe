"""What the stub knows of a warm container: the leases that wait for it, and what it says of them."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

CONTAINER = re.compile(r"/containers/([^/]+)/(next|environment)")
_POLL_SECONDS = 3.0


@dataclass(slots=True)
class WarmStub:
    """`stops`: executions that are to be stopped. `given_up`: those whose container is to run nothing more. `is_end`:
    when no lease waits."""

    key: str = "container-key"
    secrets: dict[str, str] = field(default_factory=dict)
    import_limit_seconds: float | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    waiting: list[Document] = field(default_factory=list)
    current: Document | None = None
    ended: list[Document] = field(default_factory=list)
    stops: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    is_end: bool = False
    takes_reports: bool = True  # with questions

    def offer(self, execution_id: str, *, text: str, token: str) -> None:
        self.inputs[execution_id] = text
        names = {"invocation_id": "inv-p", "execution_id": execution_id, "launch": 1}
        path = f"/projects/p/versions/ver-1/functions/f/invocations/inv-p/executions/{execution_id}"
        more = {"takes_report": True} if self.takes_reports else {}  # an earlier release says nothing
        self.waiting.append({"path": path, **names, "token": token, "traceparent": None, **more})

    def exit_code(self, execution_id: str) -> int | None:
        """Of one that has ended."""
        (found,) = [one["exit_code"] for one in self.ended if one["execution_id"] == execution_id]
        code: int | None = found
        return code

    def has_ended(self, execution_id: str) -> bool:
        return any(one["execution_id"] == execution_id for one in self.ended)

    def answer(self, action: str, body: Any, changed: threading.Condition) -> tuple[int, Document]:
        if action == "environment":
            return 200, {"secrets": self.secrets, "import_limit_seconds": self.import_limit_seconds}
        ended, running = body["ended"], body["running"]
        if ended is not None and self._is_current(ended):
            self.current = None
            self.ended.append(ended)
            changed.notify_all()
        if running is not None and running["execution_id"] in self.given_up:
            return 200, {"lease": None, "stop": False, "end": True}
        if running is not None:
            is_stop = changed.wait_for(lambda: running["execution_id"] in self.stops, timeout=_POLL_SECONDS)
            return 200, {"lease": None, "stop": is_stop, "end": False}
        changed.wait_for(lambda: self.current or self.waiting or self.is_end, timeout=_POLL_SECONDS)
        if self.current is None and self.waiting:
            self.current = self.waiting.pop(0)
        return 200, {"lease": self.current, "stop": False, "end": self.current is None and self.is_end}

    def _is_current(self, ended: Document) -> bool:
        return self.current is not None and self.current["execution_id"] == ended["execution_id"]
