"""Each execution is a copy of this process, which has imported the user's module and runs nothing of it.

This process has one thread of its own. It asks what is next, and makes a copy in advance while it waits. It watches the
copy that runs, tells it to stop, and when that and all that it has started are gone says so, which gives the container
free for the next one.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
import warnings
from typing import Any, Dict

from control_plane.container import streams
from control_plane.container.environment import Environment
from control_plane.container.warm import environment as variables
from control_plane.container.warm import kernel, markers, randomness, spares
from control_plane.container.warm.copies import Copy
from control_plane.container.warm.environment import WarmEnvironment
from control_plane.container.warm.leases import Lease
from control_plane.container.warm.memory import MemoryKills
from control_plane.container.warm.polls import Poller
from control_plane.container.warm.spares import Leased, Spare
from control_plane.container.warm.temporary_folders import TemporaryFolders
from control_plane.container.warm.waking import Wake, Woken, signals_wait
from control_plane.errors import Refused, Unreachable

_SIGKILL = 9
_KILLED = 128 + _SIGKILL
# Most executions are shorter, and are not asked about: the connection stays for what comes after them.
_UNWATCHED_SECONDS = 0.5
_KILL_AGAIN_SECONDS = 1.0
# Of one that is to run nothing more: until it asks again whether what runs is to stop.
_GIVEN_UP_SECONDS = 20.0
_PAUSE_SECONDS = 1.0
_OUT_OF_MEMORY = "(Killed by the kernel: there was no memory left in the container.)\n"
_NOT_USABLE = "A process that an execution has left behind cannot be killed: this container ends.\n"


class Forks:
    def __init__(self, environment: WarmEnvironment, *, first_contact_seconds: float) -> None:
        self._environment = environment
        self._folders = TemporaryFolders()
        self._library = kernel.adopt_orphans()
        self._spared = kernel.children()
        self._memory_kills = MemoryKills()
        self._spare: Spare | None = None
        self._wake = Wake()
        self._poller = Poller(
            environment.api_url,
            environment.api_key,
            environment.path,
            self._wake,
            first_contact_seconds=first_contact_seconds,
        )

    def run(self) -> Environment | int:
        """The container's exit code; in a copy, what it is to run. Raises Refused, Unreachable, OSError."""
        own = os.getpid()
        try:
            return self._run()
        except Leased as begin:
            return self._enter(begin.lease, begin.folder)
        finally:
            if self._spare is not None and os.getpid() == own:
                self._spare.end()

    def _run(self) -> Environment | int:
        """Raises Leased besides, in a copy that was made in advance."""
        ended: Dict[str, Any] | None = None
        while not self._wake.is_terminated:
            try:
                found = self._poller.next(ended=ended, is_called=self._is_called)
            except Woken:
                break
            lease = found.lease
            if found.is_end:
                break
            if lease is None or self._wake.is_terminated:
                continue
            if ended is not None and _is_same(lease, ended):
                self._wake.wait(_PAUSE_SECONDS)
                continue
            folder = self._folders.make()
            markers.mark_begin(lease)
            process_id = self._given_spare(lease, folder) or self._copy()
            if process_id == 0:
                return self._enter(lease, folder)
            copy = Copy(process_id, self._spared)
            self._watch(copy, lease)
            exit_code = copy.clear()
            if exit_code and self._memory_kills.are_new() and exit_code == _KILLED:
                streams.write_error(_OUT_OF_MEMORY)
            self._folders.remove(folder)
            markers.mark_end(lease)
            if exit_code is None:
                streams.write_error(_NOT_USABLE)
                return 1
            ended = lease.ended(exit_code)
        return 0

    def _is_called(self) -> bool:
        """Asked before each wait for what is next."""
        if self._spare is None and spares.can_be_made():
            with contextlib.suppress(OSError):  # the lease will say it
                self._spare = self._make_spare()
        return self._wake.is_terminated

    def _make_spare(self) -> Spare:
        """Raises OSError; in the copy, as soon as there is a lease, Leased."""
        reader, writer = os.pipe()
        try:
            process_id = self._copy()
        except OSError:
            os.close(writer)
            os.close(reader)
            raise
        if process_id == 0:
            os.close(writer)
            self._poller.close()
            raise spares.wait_for_lease(reader)
        os.close(reader)
        return Spare(process_id, writer)

    def _given_spare(self, lease: Lease, folder: str | None) -> int | None:
        """The number of the copy that was made in advance, if there is one that lives."""
        spare, self._spare = self._spare, None
        return spare.id if spare is not None and spare.give(lease, folder) else None

    def _copy(self) -> int:
        """The number of the new process; 0 in itself, where signals wait until `_enter`. Raises OSError."""
        own = os.getpid()
        streams.flush()
        with signals_wait(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads that the user's module has started
            process_id = os.fork()
            if process_id == 0:
                os.setpgid(0, 0)
                self._wake.leave()
                kernel.end_with_parent(self._library, own, _SIGKILL)
        return process_id

    def _enter(self, lease: Lease, folder: str | None) -> Environment:
        self._poller.close()
        kernel.prefer_to_kill()
        environment = self._environment.of_execution(lease)
        variables.tell(environment, traceparent=lease.traceparent, temporary_folder=folder)
        self._folders.use(folder)
        randomness.seed()
        return environment

    def _watch(self, copy: Copy, lease: Lease) -> None:
        """Until it has ended."""
        kill_time = math.inf
        ask_time = time.monotonic() + _UNWATCHED_SECONDS

        def is_called() -> bool:
            return copy.has_ended() or (self._wake.is_terminated and kill_time == math.inf)

        while not copy.has_ended():
            now = time.monotonic()
            if self._wake.is_terminated and kill_time == math.inf:
                copy.terminate()
                kill_time = now + self._environment.stop_grace_seconds
            if now >= kill_time:
                copy.kill()
                kill_time = now + _KILL_AGAIN_SECONDS
            if kill_time != math.inf or now < ask_time:
                self._wake.wait(min(kill_time, ask_time if ask_time > now else math.inf) - now)
                continue
            try:
                found = self._poller.next(running=lease, is_called=is_called)
                if found.must_stop:
                    copy.terminate()
                    kill_time = time.monotonic() + self._environment.stop_grace_seconds
                elif found.is_end:  # answered at once, as often as it asks: its platform ends what runs, if need be
                    ask_time = time.monotonic() + _GIVEN_UP_SECONDS
            except Woken:
                continue
            except (Refused, Unreachable):  # it ends by itself, or by its platform
                ask_time = math.inf


def _is_same(lease: Lease, ended: Dict[str, Any]) -> bool:
    return lease.names().items() <= ended.items()
