"""Calls of other functions of the same version, for the user's code: each runs in a container of its own.

    from control_plane.container import invocations

    children = [invocations.start("square", {"number": number}) for number in range(4)]
    squares = [child.result() for child in children]

Children are cancelled if their parent is cancelled or times out. A container that was lost with its machine and started
again finds the children that it had started, instead of starting them twice. Processes that the function starts, a pool
of workers for example, may start and await children like itself.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import hashlib
import os
import threading
from json import dumps
from time import monotonic, sleep
from typing import Any, Dict, Iterable, Iterator
from urllib.parse import quote

from control_plane.container import json_text, tally
from control_plane.container.api import Api, Document, Refused
from control_plane.container.environment import Environment
from control_plane.container.invocation_states import InvocationFailed, has_ended, result_of

_WAIT_SECONDS = 20
_SHORTEST_POLL_SECONDS = 0.5  # an attempt that failed answers a long poll at once while the next one is still running
# The API lets one execution wait for 500 invocations at once. Where there are more children, they take turns.
_POLLS_AT_ONCE = 400
_WAIT_IN_TURN_SECONDS = 4
_TURN_PAUSE_SECONDS = 0.05  # or whoever has had a turn takes the next one too

__all__ = ["Invocation", "InvocationFailed", "as_completed", "start", "wait_first"]


class Invocation:
    """A child that was started. May be used by any thread, and by copies of the process that are made later."""

    def __init__(self, api: Api, path: str, *, function_name: str, invocation_id: str) -> None:
        self.function_name = function_name
        self.invocation_id = invocation_id
        self._api = api
        self._path = path
        self._awaited: Dict[int, concurrent.futures.Future[Document]] = {}  # by the process that waits
        with contextlib.suppress(
            RuntimeError
        ):  # no thread can be had now; the child runs, and is awaited when asked for
            self._await()

    def result(self, timeout: float | None = None) -> Any:
        """Wait until the child has ended, at most `timeout` seconds, and return what its function returned.

        Raises InvocationFailed if it did not succeed, concurrent.futures.TimeoutError if it has not ended.
        """
        return result_of(self._await().result(timeout))

    def done(self) -> bool:
        return self._await().done()

    def cancel(self) -> None:
        """Ask the child to stop. One that has ended stays as it is."""
        try:
            self._api.request("PUT", self._path + "/cancel")
        except Refused as refusal:
            if refusal.status != 409:
                raise

    def _await(self) -> concurrent.futures.Future[Document]:
        """A copy of the process has no thread that waits: it gets its own, with the first question."""
        process_id = os.getpid()
        if process_id not in self._awaited:
            ended: concurrent.futures.Future[Document] = concurrent.futures.Future()
            threading.Thread(target=self._watch, args=(ended,), name=self.invocation_id, daemon=True).start()
            self._awaited[process_id] = ended
        return self._awaited[process_id]

    def _watch(self, ended: concurrent.futures.Future[Document]) -> None:
        try:
            while True:
                began = monotonic()
                with _places(os.getpid()):
                    wait_seconds = (
                        _WAIT_SECONDS if threading.active_count() <= _POLLS_AT_ONCE else _WAIT_IN_TURN_SECONDS
                    )
                    document = self._api.request("GET", "%s?wait_seconds=%d" % (self._path, wait_seconds)).document
                if has_ended(document):
                    ended.set_result(document)
                    return
                sleep(max(_TURN_PAUSE_SECONDS, began + _SHORTEST_POLL_SECONDS - monotonic()))
        except Exception as error:  # raised again in the thread that asks for the result
            ended.set_exception(error)


def start(function_name: str, arguments: Any = None) -> Invocation:
    """Start another function: a dict gives keyword arguments, a list positional ones, None no arguments at all.

    Raises `Refused` if there is no such function, TypeError and ValueError for what is no JSON.
    """
    text = "" if arguments is None else json_text.written(arguments, name="arguments")
    return _caller(os.getpid()).start(function_name, text)


def as_completed(invocations: Iterable[Invocation], timeout: float | None = None) -> Iterator[Invocation]:
    """The invocations in the order in which they end, well or badly; raises concurrent.futures.TimeoutError."""
    by_future = {invocation._await(): invocation for invocation in invocations}
    return (by_future[future] for future in concurrent.futures.as_completed(by_future, timeout))


def wait_first(invocations: Iterable[Invocation], timeout: float | None = None) -> Invocation:
    """The one that has ended first; raises concurrent.futures.TimeoutError."""
    return next(as_completed(invocations, timeout))


class _Caller:
    """Starts the children of this execution."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._api = Api(environment.api_url, environment.api_key)
        self._lock = threading.Lock()
        self._counts: Dict[str, int] = {}
        self._name = os.urandom(8).hex()  # of this process: numbers of processes come again

    def start(self, function_name: str, text: str) -> Invocation:
        path = "/projects/%s/versions/%s/functions/%s/invocations" % tuple(
            quote(part, safe="")
            for part in (self._environment.project_name, self._environment.version_id, function_name)
        )
        parent = {
            "function_name": self._environment.function_name,
            "invocation_id": self._environment.invocation_id,
        }
        document = self._api.request(
            "POST",
            path,
            body={"input": text, "parent_invocation": parent},
            headers={"Idempotency-Key": self._idempotency_key(function_name, text)},
        ).document
        invocation_id = document["invocation_id"]
        return Invocation(
            self._api, path + "/" + invocation_id, function_name=function_name, invocation_id=invocation_id
        )

    def _idempotency_key(self, function_name: str, text: str) -> str:
        """The same for the n-th equal call of this execution, in whatever order threads and processes make their calls.

        Where processes cannot count together each counts its own: then only this container finds its children again.
        """
        digest = hashlib.sha256(dumps([function_name, text]).encode()).hexdigest()[:32]
        count = tally.count(digest)
        if count is not None:
            return "%s-%s-%d" % (self._environment.execution_id, digest, count)
        with self._lock:
            own = self._counts[digest] = self._counts.get(digest, 0) + 1
        return "%s-%s-%s-%d" % (self._environment.execution_id, digest, self._name, own)


@functools.lru_cache(maxsize=None)
def _places(_process_id: int) -> threading.BoundedSemaphore:
    """A copy of the process has its own, as with `_caller`."""
    return threading.BoundedSemaphore(_POLLS_AT_ONCE)


@functools.lru_cache(maxsize=None)
def _caller(_process_id: int) -> _Caller:
    """A copy of the process has one of its own: somebody may have held the other's lock when it was made."""
    return _Caller(Environment.from_variables(os.environ))
