"""The execution and invocation endpoints of the REST contract on a real socket, without a catalog behind them."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.sdk.warm_stub import CONTAINER, WarmStub

Document = dict[str, Any]

_EXECUTION = re.compile(r"/projects/p/versions/ver-1/functions/(.+)/invocations/(.+)/executions/([^/]+)(/.+)?")
_INVOCATION = re.compile(r"/projects/p/versions/ver-1/functions/([^/]+)/invocations(?:/([^/?]+))?(/cancel)?(\?.*)?")
_BATCHES = re.compile(r"/projects/p/versions/ver-1/functions/([^/]+)/batches")
_BATCH_RESULTS = re.compile(r"/projects/p/versions/ver-1/functions/[^/]+/batches/([^/]+)/results\?after=(\d+)")
_HEARTBEAT_SECONDS = 0.5
_NO_FUNCTION: tuple[int, Document] = (
    404,
    {"detail": "A function with this name does not exist for this project version"},
)


@dataclass(slots=True)
class Faults:
    """What goes wrong, and how often from now on; keys are `METHOD /last-part-of-the-path`."""

    unavailable: dict[str, int] = field(default_factory=dict)  # 503, not carried out
    lost: dict[str, int] = field(default_factory=dict)  # carried out, but the connection breaks before the answer
    refused: dict[str, int] = field(default_factory=dict)  # 404 for ever after as many as this
    slow_seconds: float = 0.0

    @staticmethod
    def strikes(kind: dict[str, int], key: str) -> bool:
        if kind.get(key, 0) <= 0:
            return False
        kind[key] -= 1
        return True


@dataclass(slots=True)
class StubState:
    """What the API knows. Waiting is on `changed`."""

    api_key: str = "key"
    input: str = ""
    timeout_seconds: int = 60
    invocation_creation_time: int = 4_000_000_000  # far ahead: not timed out
    termination_signal_time: int | None = None
    secrets: dict[str, str] | None = None  # of the function
    missing_secret: str | None = None  # why it gets none
    starts: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    checkpoint: str | None = None
    replaced: bool = False  # by another container
    checkpoints: list[Document] = field(default_factory=list)
    execution_spec: Document = field(default_factory=dict)  # beside timeout and retries
    report: Document | None = None
    reports: dict[str, Document] = field(default_factory=dict)  # of each execution
    warm: WarmStub = field(default_factory=WarmStub)
    children: dict[str, Document] = field(default_factory=dict)
    child_keys: dict[str, str] = field(default_factory=dict)
    batches: dict[str, list[str]] = field(default_factory=dict)  # the invocations of each
    requests: list[str] = field(default_factory=list)  # as `METHOD path`
    connections: list[socket.socket] = field(default_factory=list)  # all that there were
    functions: tuple[str, ...] = ("f", "g", "echo", "square", "anneal")  # of the version
    cut_after: int | None = None  # lines, after which the next stream of results breaks off, and no other
    answer_child: Callable[[str, str], Document] | None = None  # (function, input) -> fields of its execution
    faults: Faults = field(default_factory=Faults)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def end_idle_connections(self) -> None:
        """As a server does after some time, or when it is restarted. To be called while nothing is asked for."""
        with self.changed:
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def wait_until(self, predicate: Callable[[], bool], timeout: float = 20.0) -> None:
        with self.changed:
            assert self.changed.wait_for(predicate, timeout), "the runtime did not do what was expected"


@contextmanager
def serving(state: StubState, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve the state; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with running(server) as port:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    """Have it serve; gives its port."""
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(state: StubState) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with state.changed:
                state.connections.append(self.connection)

        def do_GET(self) -> None:
            self._serve("GET")

        def do_PUT(self) -> None:
            self._serve("PUT")

        def do_POST(self) -> None:
            self._serve("POST")

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

        def _serve(self, method: str) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(content) if content else None
            key = f"{method} /{self.path.partition('?')[0].rpartition('/')[2]}"
            with state.changed:
                state.requests.append(f"{method} {self.path}")
            if (asked := self._results_asked(method, body)) is not None:
                self._stream_results(*asked)
                return
            with state.changed:
                status, document = self._answer(method, key, body)
                is_lost = Faults.strikes(state.faults.lost, key)
                state.changed.notify_all()
            if state.faults.slow_seconds:
                threading.Event().wait(state.faults.slow_seconds)
            if is_lost:
                self.close_connection = True
                return
            payload = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            with suppress(OSError):  # nobody waits for it any more
                self.end_headers()
                self.wfile.write(payload)

        def _results_asked(self, method: str, body: Any) -> tuple[list[str], int] | None:
            """Invocations, and how many of their results are not wanted."""
            if (method, self.path) == ("POST", "/invocations/results"):
                return body["invocation_ids"], 0
            if match := _BATCH_RESULTS.fullmatch(self.path):
                return state.batches[match[1]], int(match[2])
            return None

        def _stream_results(self, invocations: list[str], after: int) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            waiting = dict(enumerate(invocations))
            position = 0
            while waiting:
                with state.changed:
                    ended = [index for index, found in waiting.items() if _has_ended(state, found)]
                    if not ended:
                        state.changed.wait(_HEARTBEAT_SECONDS)
                try:
                    if not ended:
                        self.wfile.write(b"\n")
                    for index in reversed(ended):  # not in the order in which they were asked for
                        position += 1
                        if position > after:
                            line = _result(state, waiting[index]) | {"index": index, "position": position}
                            self.wfile.write(json.dumps(line).encode() + b"\n")
                        del waiting[index]
                        if state.cut_after is not None and position >= state.cut_after:
                            state.cut_after = None
                            return
                    self.wfile.flush()
                except OSError:  # nobody reads it any more
                    return

        def _answer(self, method: str, key: str, body: Any) -> tuple[int, Document]:
            if match := CONTAINER.fullmatch(self.path):
                if self.headers["Authorization"] != f"Bearer {state.warm.key}":
                    return 403, {"detail": "The API key is invalid"}
                if Faults.strikes(state.faults.unavailable, key):
                    return 503, {"detail": "The service is temporarily unavailable"}
                if body is not None and "report" in body:
                    assert body["report"].pop("token") == state.api_key
                    _answer_execution(state, body["ended"]["execution_id"], method, "/finish", body["report"])
                return state.warm.answer(match[2], body, state.changed)
            if self.headers["Authorization"] != f"Bearer {state.api_key}":
                return 403, {"detail": "The API key is invalid"}
            if Faults.strikes(state.faults.unavailable, key):
                return 503, {"detail": "The service is temporarily unavailable"}
            if key in state.faults.refused and not Faults.strikes(state.faults.refused, key):
                return 404, {"detail": "A project with this name does not exist"}
            if match := _EXECUTION.fullmatch(self.path):
                if match[4] == "/blobs":  # as a release that knows none
                    return 404, {"detail": "Not Found"}
                return _answer_execution(state, match[3], method, match[4] or "", body)
            if match := _INVOCATION.fullmatch(self.path):
                idempotency_key = self.headers.get("Idempotency-Key", "")
                if match[2] is None and match[1] not in state.functions:
                    return _NO_FUNCTION
                return _answer_invocation(state, function=match[1], child=match[2], key=idempotency_key, body=body)
            if match := _BATCHES.fullmatch(self.path):
                if match[1] not in state.functions:
                    return _NO_FUNCTION
                return _answer_batch(state, function=match[1], key=self.headers["Idempotency-Key"], body=body)
            if self.path == "/projects/p/versions/ver-1":
                return 200, _version(state)
            return 404, {"detail": "Not Found"}

    return Handler


def _answer_execution(state: StubState, execution_id: str, method: str, action: str, body: Any) -> tuple[int, Document]:
    match action:
        case "/start" if execution_id in state.starts:
            return 409, {"detail": "This execution has already started"}
        case "/start":
            state.starts.append(execution_id)
        case "/checkpoint" if state.replaced:
            return 409, {"detail": "Another container has taken this one's place"}
        case "/checkpoint" if method == "PUT":
            state.checkpoint = body["value"]
            state.checkpoints.append(body)
        case "/checkpoint" if state.checkpoint is None:
            return 404, {"detail": "This invocation has saved no checkpoint"}
        case "/checkpoint":
            return 200, {"value": state.checkpoint, "attempt": 1, "save_time": 1_000}
        case "/update" | "/finish" if state.report is not None and execution_id in state.reports:
            return 409, {"detail": "This execution has already finished"}
        case "/update":
            state.updates.append(body["latest_output"])
        case "/finish":
            state.report = state.reports[execution_id] = body
        case "/environment" if state.missing_secret is not None:
            return 409, {"detail": state.missing_secret}
        case "/environment":
            return 200, {"secrets": state.secrets}
    known = {} if state.secrets is None else {"has_secrets": True}  # an earlier release says nothing
    return 200, known | {
        "input": state.warm.inputs.get(execution_id, state.input),
        "execution_spec": {"timeout_seconds": state.timeout_seconds, "max_retries": 0, **state.execution_spec},
        "launch": len(state.starts),
        "invocation_creation_time": state.invocation_creation_time,
        "termination_signal_time": state.termination_signal_time,
    }


def _answer_invocation(
    state: StubState, *, function: str, child: str | None, key: str, body: Any
) -> tuple[int, Document]:
    if child is not None:
        return 200, state.children[child]
    if key in state.child_keys:
        return 200, state.children[state.child_keys[key]]
    for earlier in body.get("resume_keys", ()):
        made = state.child_keys.get(earlier)
        if made is not None and state.children[made]["executions"][-1]["outcome"] in ("SUCCEEDED", None):
            return 200, state.children[made]
    assert state.answer_child is not None
    invocation_id = f"inv-{len(state.children)}"
    state.child_keys[key] = invocation_id
    state.children[invocation_id] = {
        "invocation_id": invocation_id,
        "project_name": "p",
        "version_id": "ver-1",
        "function_name": function,
        "input": body["input"],
        "preparation_error": None,
        "parent_invocation": body["parent_invocation"],
        "execution_spec": {"timeout_seconds": 60, "max_retries": 0},
        "creation_time": 1_000,
        "last_update_time": 1_001,
        "cancellation_request_time": None,
        "invocation_status": "RUNNING",
        "executions": [{**_EXECUTION_FIELDS, **state.answer_child(function, body["input"])}],
    }
    return 200, state.children[invocation_id]


def _answer_batch(state: StubState, *, function: str, key: str, body: Any) -> tuple[int, Document]:
    earlier = [f"bat-{one}" for one in body.get("resume_keys", ()) if f"bat-{one}" in state.batches]
    if earlier and f"bat-{key}" not in state.batches:
        return 200, _batch(state, earlier[0], function, is_resumed=True)
    made = [
        _answer_invocation(
            state,
            function=function,
            child=None,
            key=f"{key}/{number}",
            body={"input": text, "parent_invocation": body["parent_invocation"]},
        )[1]["invocation_id"]
        for number, text in enumerate(body["inputs"])
    ]
    batch_id = f"bat-{key}"
    state.batches[batch_id] = made
    return 200, _batch(state, batch_id, function, is_resumed=False)


def _batch(state: StubState, batch_id: str, function: str, *, is_resumed: bool) -> Document:
    return {
        "project_name": "p",
        "version_id": "ver-1",
        "function_name": function,
        "batch_id": batch_id,
        "is_resumed": is_resumed,
        "size": len(state.batches[batch_id]),
        "status": "RUNNING",
        "creation_time": 1_000,
        "cancellation_request_time": None,
        "counts": {},
    }


def _version(state: StubState) -> Document:
    """With all that clients look at."""
    functions = [
        {
            "function_name": name,
            "docker_image": "image:1",
            "resource_spec": {"virtual_cpus": 1, "memory_gbs": 1, "max_concurrency": 1},
            "execution_spec": {"max_retries": 0, "timeout_seconds": 60},
            "command": None,
            "function_status": "READY",
            "preparation_error": None,
        }
        for name in state.functions
    ]
    return {"project_name": "p", "version_id": "ver-1", "creation_time": 1_000, "functions": functions}


def _has_ended(state: StubState, invocation_id: str) -> bool:
    child = state.children.get(invocation_id)
    return child is None or child["executions"][-1]["outcome"] is not None


def _result(state: StubState, invocation_id: str) -> Document:
    child = state.children.get(invocation_id)
    if child is None:
        ended: Document = {"outcome": None, "error_message": "This invocation does not exist"}
    else:
        ended = child["executions"][-1]
    return {
        "invocation_id": invocation_id,
        "outcome": ended["outcome"],
        "output": ended.get("output"),
        "error_message": ended["error_message"],
        "error_traceback": ended.get("error_traceback"),
        "execution_id": None if child is None else "exe-c",
        "attempts": 0 if child is None else 1,
    }


_EXECUTION_FIELDS: Document = {
    "execution_id": "exe-c",
    "creation_time": 1_000,
    "last_update_time": 1_001,
    "worker_status": "RUNNING",
    "outcome": None,
    "output": None,
    "error_message": None,
    "termination_signal_time": None,
    "execution_start_time": 1_000,
}
