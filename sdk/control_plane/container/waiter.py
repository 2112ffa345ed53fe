"""Waits for the children of a process: for all of them by one thread, on one connection.

It begins when somebody first asks for a result, with all children that there are by then. Who asks for one that came
later breaks the connection off, so that it is asked for too.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Dict, List, Set
from weakref import WeakSet

from control_plane.container.api import Api
from control_plane.container.transport import Interrupted, OpenStream
from control_plane.protocol.drivers import iterate
from control_plane.protocol.results import Result, results_of
from control_plane.protocol.steps import Answer, Request

if TYPE_CHECKING:
    from control_plane.container.children import Child

_IDLE_SECONDS = 2.0  # a thread that nobody needs is kept for so long, as the next child is often awaited soon


class Waiter:
    """`ended`: notified whenever a child has. To be used by threads of one process alone."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.ended = threading.Condition()
        # What nobody has any more, nobody asks for.
        self._known: WeakSet[Child] = WeakSet()
        self._wanted: Set[Child] = set()
        self._covered: Set[Child] = set()
        self._stream: OpenStream | None = None
        self._thread: threading.Thread | None = None

    def add(self, child: Child) -> None:
        """One that is awaited together with others, when somebody asks for any of them."""
        with self.ended:
            self._known.add(child)

    def want(self, child: Child) -> None:
        """Have it settled as soon as it has ended. Raises RuntimeError where no thread can be had."""
        with self.ended:
            if child.is_settled or child in self._wanted:
                return
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="children", daemon=True)
                thread.start()
                self._thread = thread
            elif child not in self._covered and self._stream is not None:
                self._stream.interrupt()
            self._wanted.add(child)
            self.ended.notify_all()

    def settle(self, child: Child, result: Result | Exception) -> None:
        with self.ended:
            self._wanted.discard(child)
            self._known.discard(child)
            child.settle(result)
            self.ended.notify_all()

    def hold(self, stream: OpenStream) -> None:
        """The stream that is read from now on."""
        with self.ended:
            self._stream = stream
            if self._wanted - self._covered:  # it came while this one was being opened
                stream.interrupt()

    def _run(self) -> None:
        while True:
            try:
                asked = self._next()
                if asked is None:
                    return
                for result in iterate(results_of(self._api.peer, asked), _Interruptible(self._api, self)):
                    for child in asked[result.invocation_id]:
                        self.settle(child, result)
            except Interrupted:
                continue
            except Exception as error:  # raised again in each thread that asks for a result
                for child in [*self._wanted]:
                    self.settle(child, error)

    def _next(self) -> Dict[str, List[Child]] | None:
        """Whom to ask for, by their ids: the same invocation may have been submitted twice. None if nobody waits."""
        with self.ended:
            self.ended.wait_for(lambda: self._wanted, timeout=_IDLE_SECONDS)
            if not self._wanted:
                self._thread = None
                return None
            # Those that are wanted first, as one request takes only so many.
            children = [*dict.fromkeys([*self._wanted, *self._known])]
            self._covered = {*children}
        asked: Dict[str, List[Child]] = {}
        for child in children:
            asked.setdefault(child.id, []).append(child)
        return asked


class _Interruptible:
    """The API's transport, whose streams the waiter may break off."""

    def __init__(self, api: Api, waiter: Waiter) -> None:
        self._api = api
        self._waiter = waiter

    def send(self, request: Request) -> Answer:
        return self._api.transport.send(request)

    def open(self, request: Request) -> OpenStream:
        stream = self._api.transport.open(request)
        self._waiter.hold(stream)
        return stream


@functools.lru_cache(maxsize=None)
def waiter_of(_process_id: int, api: Api) -> Waiter:
    """A copy of the process has one of its own: it has no thread, and somebody may have held the other's lock."""
    return Waiter(api)
