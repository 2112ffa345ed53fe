"""The program that runs one container: `python -m control_plane_server.provisioners.process.supervisor`, an
assignment on stdin.

It leaves the session of the process that started it, takes the container's name, runs the container and notes how it
ended. The program returns as soon as the name is taken, by itself or another one; the work goes on in a process that
nobody needs to wait for. SIGTERM to that one stops the container: SIGTERM to its main process only, as container
engines do, and after the grace period SIGKILL to all of it.
"""

import math
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

from control_plane.machine.processes import kill_session, process_of

from control_plane_server.domain.containers import LogStream
from control_plane_server.provisioners.exit_reasons import out_of_memory_reason
from control_plane_server.provisioners.process.assignments import Assignment
from control_plane_server.provisioners.process.container_folders import ContainerFolder, ExitRecord
from control_plane_server.provisioners.process.log_pump import LogPump
from control_plane_server.provisioners.process.memory_groups import MemoryGroup, make_memory_group

_NOT_COPIED = (".venv", ".git")  # at the top of the image: the first is used where it is, the second is not needed
_KILL_AGAIN_SECONDS = 1.0
_MIB = 1_024 * 1_024


def main() -> None:
    assignment = Assignment.from_json(sys.stdin.read())
    reader, writer = os.pipe()
    if os.fork() > 0:
        os.close(writer)
        os.read(reader, 1)  # returns when the other end is closed, by will or by death
        return
    os.close(reader)
    os.setsid()
    signals = _Signals()
    folder = ContainerFolder(Path(assignment.container_folder))
    me = process_of(os.getpid())
    assert me is not None
    is_ours = folder.claim(me)
    os.close(writer)
    if is_ours:
        _supervise(assignment, folder, signals)


def _supervise(assignment: Assignment, folder: ContainerFolder, signals: "_Signals") -> None:
    group = _memory_group(assignment, folder)
    record, pump = _run(assignment, folder, group, signals)
    kill_session(os.getpid())
    if group is not None:
        group.kill()  # what left the session
    if pump is not None:
        pump.close()
    if group is not None:
        record = _explained(record, assignment, group)
        group.remove()
    folder.record_exit(record)
    folder.mark.unlink(missing_ok=True)
    shutil.rmtree(folder.work, ignore_errors=True)


def _memory_group(assignment: Assignment, folder: ContainerFolder) -> MemoryGroup | None:
    """None where there can be none. Whatever goes wrong with the limit is told in our log, and costs no container."""
    try:
        group = make_memory_group(folder.path.name, assignment.memory_mib * _MIB)
    except Exception:
        traceback.print_exc()
        return None
    if group is not None:
        try:
            folder.note_memory_group(group)
        except OSError:  # nobody would remove it after us
            traceback.print_exc()
            group.remove()
            return None
    return group


def _explained(record: ExitRecord, assignment: Assignment, group: MemoryGroup) -> ExitRecord:
    """With the reason, if the main process was killed because there was no memory left for it."""
    if record.signal != signal.SIGKILL or record.was_stopped or not group.has_run_out():
        return record
    return ExitRecord(error=out_of_memory_reason(assignment.memory_mib))


def _run(
    assignment: Assignment, folder: ContainerFolder, group: MemoryGroup | None, signals: "_Signals"
) -> tuple[ExitRecord, LogPump | None]:
    """How it ended, and what may hold the rest of its log."""
    if not os.path.isdir(assignment.image_folder):
        gone = f"The image {assignment.image_folder} is no longer there; deploy the function again"
        return ExitRecord(error=gone), None
    try:
        _copy(Path(assignment.image_folder), folder.work)
    except (OSError, shutil.Error) as error:
        return ExitRecord(error=f"The image {assignment.image_folder} cannot be copied: {error}"), None
    if signals.stop_requested:
        return ExitRecord(was_stopped=True), None
    try:
        pump = LogPump(folder.log)
        child = subprocess.Popen(
            assignment.command,
            cwd=folder.work,
            env=assignment.environment,
            stdin=subprocess.DEVNULL,
            stdout=pump.writer(LogStream.STDOUT),
            stderr=pump.writer(LogStream.STDERR),
            process_group=0,
            preexec_fn=None if group is None else partial(_join, group),  # noqa: PLW1509 - we have one thread
        )
    except OSError as error:
        return ExitRecord(error=f"The container cannot be started: {error}"), None
    pump.close_writers()
    was_stopped = _wait(child, signals, pump, grace_seconds=assignment.stop_grace_seconds)
    code = child.returncode
    if code < 0:
        return ExitRecord(signal=-code, was_stopped=was_stopped), pump
    return ExitRecord(exit_code=code, was_stopped=was_stopped), pump


def _join(group: MemoryGroup) -> None:
    """A container that cannot be limited runs without a limit, as where there are no groups."""
    with suppress(OSError):
        group.join()


def _copy(image: Path, work: Path) -> None:
    def not_copied(folder: str, names: list[str]) -> set[str]:
        return set(names).intersection(_NOT_COPIED) if folder == str(image) else set()

    shutil.copytree(image, work, symlinks=True, ignore=not_copied)


def _wait(child: subprocess.Popen[bytes], signals: "_Signals", pump: LogPump, *, grace_seconds: float) -> bool:
    """Keep the log. Whether the container had been told to stop before it ended."""
    kill_time = math.inf
    was_stopped = False
    while child.poll() is None:
        if signals.stop_requested and not was_stopped:
            was_stopped = True
            child.terminate()
            kill_time = time.monotonic() + grace_seconds
        if time.monotonic() >= kill_time:
            kill_session(os.getpid())
            kill_time = time.monotonic() + _KILL_AGAIN_SECONDS
        signals.wait(kill_time - time.monotonic(), pump.readers)
        pump.take()
    return was_stopped


class _Signals:
    """SIGTERM noted, and a wait that it and the end of a child interrupt, without a moment in which they go unseen."""

    def __init__(self) -> None:
        self.stop_requested = False
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGCHLD, self._ignore)

    def wait(self, seconds: float, readers: Collection[int]) -> None:
        """Until a signal, or something to read."""
        timeout = None if math.isinf(seconds) else max(0.0, seconds)
        readable, _, _ = select.select([self._reader, *readers], [], [], timeout)
        if self._reader in readable:
            os.read(self._reader, 4_096)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True

    def _ignore(self, _number: int, _frame: FrameType | None) -> None:
        """SIGCHLD is only there to end a wait."""


if __name__ == "__main__":
    main()
