"""Progress updates: sent by a thread of their own, so that the user's code never waits for the API."""

from __future__ import annotations

import os
import threading
from typing import Callable

from control_plane.errors import Unreachable

_PAUSE_SECONDS = 0.3  # nobody sees more than a few values a second, and each costs the catalog a write


class ExecutionIsGone(BaseException):
    """The API takes no more progress: the execution has ended or its project was deleted. Working on is pointless.

    Not an Exception, so that the user's code does not swallow it.
    """


class Progress:
    """Only the newest value counts: one that is overtaken before it was sent is never sent. After each that is sent
    comes a pause; the last one is sent without. A copy of the process, which has no such thread, reports nothing."""

    def __init__(self, send: Callable[[str], None], *, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._send = send
        self._pause_seconds = pause_seconds
        self._process_id = os.getpid()
        self._changed = threading.Condition()
        self._newest: str | None = None
        self._is_closing = False
        self._failure: Exception | None = None
        self._sender: threading.Thread | None = None

    def report(self, output: str) -> None:
        """Returns at once. Raises ExecutionIsGone if the API refused an earlier value."""
        if os.getpid() != self._process_id:
            return
        with self._changed:
            self._check()
            self._newest = output
            self._changed.notify()
        if self._sender is None:
            self._start()

    def close(self) -> str | None:
        """Wait until the newest value is delivered. Returns it if it could not be, for the report to take along.

        Raises ExecutionIsGone if the API refused a value.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._sender is not None:
            self._sender.join()
        self._check()
        return self._newest

    def _start(self) -> None:
        sender = threading.Thread(target=self._deliver, name="progress", daemon=True)
        try:
            sender.start()
        except RuntimeError:  # the user's code has as many threads as there may be: tried again with the next value
            return
        self._sender = sender

    def _check(self) -> None:
        if self._failure is not None:
            raise ExecutionIsGone("Progress could not be reported: %s" % self._failure)

    def _deliver(self) -> None:
        while self._failure is None:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._is_closing)
                output, self._newest = self._newest, None
            if output is None:
                return
            try:
                self._send(output)
            except Unreachable:
                self._put_back(output)
                if self._is_closing:
                    return
            except Exception as error:  # Refused, or a defect: raised again where the user's code reports
                self._failure = error
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, timeout=self._pause_seconds)

    def _put_back(self, output: str) -> None:
        """Work goes on without the API; only at the end does an undelivered value matter."""
        with self._changed:
            if self._newest is None:
                self._newest = output
