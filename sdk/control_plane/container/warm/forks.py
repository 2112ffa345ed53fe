"""Each execution is a copy of this process, which has imported the user's module and runs nothing of it.

This process has one thread of its own. It asks what is next, and makes a copy in advance while it waits. It watches the
copy that runs, tells it to stop, and when that and all that it has started are gone says so, which gives the container
free for the next one.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
import warnings
from typing import Any, Dict, NamedTuple

from control_plane.container import streams
from control_plane.container.api import PATIENCE_SECONDS, Api
from control_plane.container.environment import Environment
from control_plane.container.executions import ExecutionClient, path_of
from control_plane.container.program import NOT_REPORTED
from control_plane.container.warm import environment as variables
from control_plane.container.warm import kernel, markers, randomness, spares
from control_plane.container.warm.copies import Copy
from control_plane.container.warm.environment import WarmEnvironment
from control_plane.container.warm.handing_over import LONGEST_SECONDS, ReportPipe
from control_plane.container.warm.leases import Lease
from control_plane.container.warm.memory import MemoryKills
from control_plane.container.warm.polls import Asker, Poller
from control_plane.container.warm.spares import Leased, Spare
from control_plane.container.warm.temporary_folders import TemporaryFolders
from control_plane.container.warm.waking import Wake, Woken, signals_wait
from control_plane.container.worker import HandOver
from control_plane.errors import Refused, Unreachable
from control_plane.protocol.steps import Request
from control_plane.protocol.waiting import Deadline

_SIGKILL = 9
_KILLED = 128 + _SIGKILL
# Most executions are shorter, and are not asked about: the connection stays for what comes after them.
_UNWATCHED_SECONDS = 0.5
_KILL_AGAIN_SECONDS = 1.0
# Of one that is to run nothing more: until it asks again whether what runs is to stop.
_GIVEN_UP_SECONDS = 20.0
_PAUSE_SECONDS = 1.0
# A copy that has handed over its report and goes on: then the report is made by itself, each try as long as this.
_LINGERING_SECONDS = 0.1
_REPORT_SECONDS = 5.0
_OUT_OF_MEMORY = "(Killed by the kernel: there was no memory left in the container.)\n"
_CONFLICT = 409
_NOT_USABLE = "A process that an execution has left behind cannot be killed: this container ends.\n"


class _Unsaid(NamedTuple):
    """The report of an execution, and whose it is: neither its copy nor this process has made it yet."""

    lease: Lease
    report: Dict[str, Any]

    def with_token(self) -> Dict[str, Any]:
        """As the API wants it in a question."""
        return {**self.report, "token": self.lease.token}


class Copied(NamedTuple):
    """What a copy is to run, and how it may report."""

    environment: Environment
    hand_over: HandOver | None


class Forks:
    def __init__(self, environment: WarmEnvironment, *, first_contact_seconds: float) -> None:
        self._environment = environment
        self._folders = TemporaryFolders()
        self._library = kernel.adopt_orphans()
        self._spared = kernel.children()
        self._memory_kills = MemoryKills()
        self._spare: Spare | None = None
        self._unsaid: _Unsaid | None = None
        self._wake = Wake()
        self._poller = Poller(
            environment.api_url,
            environment.api_key,
            environment.path,
            self._wake,
            first_contact_seconds=first_contact_seconds,
        )

    def run(self) -> Copied | int:
        """The container's exit code; in a copy, what it is to run. Raises Refused, Unreachable, OSError."""
        own = os.getpid()
        try:
            found = self._run()
            if isinstance(found, int):
                self._report()
            return found
        except Leased as leased:
            return self._enter(leased.lease, leased.folder, leased.begin, leased.reports)
        except (Refused, Unreachable, OSError):
            self._report()
            raise
        finally:
            if self._spare is not None and os.getpid() == own:
                self._spare.end()

    def _run(self) -> Copied | int:
        """Raises Leased besides, in a copy that was made in advance."""
        ended: Dict[str, Any] | None = None
        while not self._wake.is_terminated:
            try:
                report = None if self._unsaid is None else self._unsaid.with_token()
                found = self._poller.next(ended=ended, report=report, is_called=self._is_called)
            except Woken:
                break
            except Refused:
                if self._unsaid is None:
                    raise
                self._report()  # it may be what is refused; if it is the container, the next question says so
                continue
            self._unsaid = None
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
            begin = time.monotonic()
            process_id, reports = self._given_spare(lease, folder, begin) or self._copy()
            if process_id == 0:
                return self._enter(lease, folder, begin, reports)
            copy = Copy(process_id, self._spared)
            self._watch(copy, lease, begin, reports)
            self._take_over(lease, reports)
            reports.close()
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
            process_id, reports = self._copy()
        except OSError:
            os.close(writer)
            os.close(reader)
            raise
        if process_id == 0:
            os.close(writer)
            self._poller.close()
            raise spares.wait_for_lease(reader, reports)
        os.close(reader)
        return Spare(process_id, writer, reports)

    def _given_spare(self, lease: Lease, folder: str | None, begin: float) -> tuple[int, ReportPipe] | None:
        """The copy that was made in advance, as of `_copy`, if there is one that lives."""
        spare, self._spare = self._spare, None
        return (spare.id, spare.reports) if spare is not None and spare.give(lease, folder, begin) else None

    def _copy(self) -> tuple[int, ReportPipe]:
        """The number of the new process; 0 in itself, where signals wait until `_enter`. Raises OSError."""
        own = os.getpid()
        streams.flush()
        reports = ReportPipe()
        with signals_wait(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads that the user's module has started
            try:
                process_id = os.fork()
            except OSError:
                reports.keep_to_read()
                reports.close()
                raise
            if process_id == 0:
                os.setpgid(0, 0)
                self._wake.leave()
                self._unsaid = None  # another's
                kernel.end_with_parent(self._library, own, _SIGKILL)
        (reports.keep_to_write if process_id == 0 else reports.keep_to_read)()
        return process_id, reports

    def _enter(self, lease: Lease, folder: str | None, begin: float, reports: ReportPipe) -> Copied:
        self._poller.close()
        kernel.prefer_to_kill()
        environment = self._environment.of_execution(lease)
        variables.tell(environment, traceparent=lease.traceparent, temporary_folder=folder)
        self._folders.use(folder)
        randomness.seed()
        reports.take_until(begin + LONGEST_SECONDS)
        return Copied(environment, reports.hand_over if lease.takes_report else None)

    def _take_over(self, lease: Lease, reports: ReportPipe) -> None:
        """The report, if the copy has handed it over since."""
        report = reports.read()
        if report is not None:
            self._unsaid = _Unsaid(lease, report)

    def _report(self) -> None:
        """What has no next question to go with, as patiently as its copy would. Who is to end has no more time than it
        would give that."""
        unsaid, self._unsaid = self._unsaid, None
        if unsaid is None:
            return
        environment = self._environment.of_execution(unsaid.lease)
        patience = self._environment.stop_grace_seconds if self._wake.is_terminated else PATIENCE_SECONDS
        api = Api(environment.api_url, environment.api_key, patience_seconds=patience)
        try:
            ExecutionClient(api, environment).finish(unsaid.report)
        except (Refused, Unreachable) as error:
            _tell_of(error)

    def _report_beside(self, copy: Copy, kill_time: float) -> bool:
        """As `_report`, while the copy goes on: what happens to that comes first. False: it is to be tried again."""
        unsaid = self._unsaid
        assert unsaid is not None
        was_terminated = self._wake.is_terminated
        environment = self._environment.of_execution(unsaid.lease)
        asker = Asker(environment.api_url, environment.api_key, self._wake, first_contact_seconds=_GIVEN_UP_SECONDS)
        seconds = min(kill_time - time.monotonic(), _REPORT_SECONDS)
        content = json.dumps(unsaid.report).encode()
        request = Request("PUT", path_of(environment) + "/finish", content, silence_seconds=max(seconds, 0.1))
        try:
            asker.ask(
                request,
                is_called=lambda: copy.has_ended() or self._wake.is_terminated != was_terminated,
                deadline=Deadline(seconds),
            )
        except (Woken, TimeoutError):
            return False
        except (Refused, Unreachable) as error:
            _tell_of(error)
        finally:
            asker.close()
        self._unsaid = None
        return True

    def _watch(self, copy: Copy, lease: Lease, begin: float, reports: ReportPipe) -> None:
        """Until it has ended."""
        kill_time = report_time = math.inf
        ask_time = begin + _UNWATCHED_SECONDS

        def is_called() -> bool:
            return copy.has_ended() or (self._wake.is_terminated and kill_time == math.inf)

        while not copy.has_ended():
            now = time.monotonic()
            if self._unsaid is None and report_time == math.inf:
                self._take_over(lease, reports)
                report_time = math.inf if self._unsaid is None else now + _LINGERING_SECONDS
            if self._wake.is_terminated and kill_time == math.inf:
                copy.terminate()
                kill_time = now + self._environment.stop_grace_seconds
            if now >= kill_time:
                copy.kill()
                kill_time = now + _KILL_AGAIN_SECONDS
            if self._unsaid is not None and (now >= report_time or kill_time != math.inf):
                if self._report_beside(copy, kill_time):
                    report_time = math.inf
                else:
                    report_time = time.monotonic() + _PAUSE_SECONDS
                    self._wake.wait(min(_PAUSE_SECONDS, kill_time - now))
                continue
            if kill_time != math.inf or self._unsaid is not None or now < ask_time:
                until = min(kill_time, report_time, ask_time if ask_time > now else math.inf)
                self._wake.wait(until - now, descriptor=reports.descriptor)
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


def _tell_of(error: Refused | Unreachable) -> None:
    """Why a report was not made, unless it was made before."""
    if not isinstance(error, Refused):
        streams.write_error("%s %s\n" % (NOT_REPORTED, error))
    elif error.status != _CONFLICT:
        streams.write_error("%s %d: %s\n" % (NOT_REPORTED, error.status, error.detail))


def _is_same(lease: Lease, ended: Dict[str, Any]) -> bool:
    return lease.names().items() <= ended.items()
