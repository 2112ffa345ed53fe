"""Executions in this very process, one after the other, for what cannot be copied: CUDA for example.

What is cheap to put back is put back. Whatever else an execution leaves behind, the next one finds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import Any, Dict

from control_plane.container import program, streams, tally
from control_plane.container.reports import TERMINATED
from control_plane.container.warm import environment as variables
from control_plane.container.warm import markers, randomness
from control_plane.container.warm.environment import WarmEnvironment
from control_plane.container.warm.leases import Lease
from control_plane.container.warm.polls import Poller
from control_plane.container.warm.temporary_folders import TemporaryFolders
from control_plane.container.warm.waking import Wake, Woken

# Each has an object for the execution that it first met.
_CACHES = (("control_plane.container.children", "caller"), ("control_plane.container.checkpoints", "saver"))


class Succession:
    def __init__(self, environment: WarmEnvironment, *, first_contact_seconds: float) -> None:
        self._environment = environment
        self._first_contact_seconds = first_contact_seconds
        self._folders = TemporaryFolders()
        self._state = _State()

    def run(self) -> int:
        """The exit code: of the container, or of a copy of it that an execution has made. Raises Refused, Unreachable,
        OSError."""
        own = os.getpid()
        ended: Dict[str, Any] | None = None
        while True:
            lease = self._next(ended)
            if lease is None:
                return 0
            exit_code = self._execute(lease)
            if os.getpid() != own or exit_code == TERMINATED:
                return exit_code
            ended = lease.ended(exit_code)

    def _next(self, ended: Dict[str, Any] | None) -> Lease | None:
        """None: there will be none."""
        wake = Wake()
        environment = self._environment
        poller = Poller(
            environment.api_url,
            environment.api_key,
            environment.path,
            wake,
            first_contact_seconds=self._first_contact_seconds,
        )
        try:
            while not wake.is_terminated:
                found = poller.next(ended=ended, is_called=lambda: wake.is_terminated)
                if found.is_end:
                    break
                if found.lease is not None and not (ended and found.lease.names().items() <= ended.items()):
                    return found.lease
        except Woken:
            pass
        finally:
            poller.close()
            wake.leave()
        return None

    def _execute(self, lease: Lease) -> int:
        own = os.getpid()
        folder = self._folders.make()
        markers.mark_begin(lease)
        environment = self._environment.of_execution(lease)
        variables.tell(environment, traceparent=lease.traceparent, temporary_folder=folder)
        self._folders.use(folder)
        randomness.seed()
        exit_code = program.run(environment)
        if os.getpid() != own:
            return exit_code
        _forget()
        tally.close_tally()
        self._state.restore()
        self._folders.remove(folder)
        markers.mark_end(lease)
        return exit_code


class _State:
    """Of this process, as the import of the user's module has left it."""

    def __init__(self) -> None:
        self._variables = dict(os.environb)
        self._folder = os.getcwd()
        self._handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._streams = (sys.stdin, sys.stdout, sys.stderr)

    def restore(self) -> None:
        for name in [*os.environb]:
            if name not in self._variables:
                del os.environb[name]
        os.environb.update(self._variables)
        with contextlib.suppress(OSError):
            os.chdir(self._folder)
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)
        streams.open_missing()
        streams.flush()
        sys.stdin, sys.stdout, sys.stderr = self._streams


def _forget() -> None:
    """What knows the execution."""
    for module, name in _CACHES:
        if module in sys.modules:
            getattr(sys.modules[module], name).cache_clear()
    asynchronous = sys.modules.get("control_plane.container.asynchronous")
    if asynchronous is not None:
        asynchronous.close_left()
