"""Why a container is gone, from what its supervisor left."""

import shutil
import signal

from control_plane.machine.processes import Process, kill_session, process_of
from control_plane.machine.signals import signal_name

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.provisioners.exit_reasons import exit_code_of_signal, stop_reason
from control_plane_server.provisioners.process.container_folders import ContainerFolder, ExitRecord

_INTERRUPTED = ContainerExit(cause=ExitCause.LOST, reason="The stack was stopped")


def exit_of(folder: ContainerFolder) -> ContainerExit | None:
    """None while the container runs. What a supervisor that died left behind is killed."""
    record = folder.exit_record()
    if record is not None:
        return _exit_of_record(record, folder)
    supervisor = folder.supervisor()
    if supervisor is None:
        return ContainerExit(cause=ExitCause.LOST, reason="The container's folder is gone")
    if supervisor.is_alive():
        return None
    record = folder.exit_record()  # written between the two looks
    return _exit_of_record(record, folder) if record is not None else _clear_up(folder, supervisor)


def _exit_of_record(record: ExitRecord, folder: ContainerFolder) -> ContainerExit:
    if record.error is not None:
        return ContainerExit(cause=ExitCause.EXITED, reason=record.error)
    if record.was_stopped:
        code = record.exit_code if record.signal is None else exit_code_of_signal(record.signal)
        return ContainerExit(cause=ExitCause.STOPPED, reason=stop_reason(code), exit_code=record.exit_code)
    if record.signal == signal.SIGKILL and folder.was_interrupted():  # its supervisor lived on for long enough to tell
        return _INTERRUPTED
    if record.signal is not None:
        return ContainerExit(cause=ExitCause.EXITED, reason=f"killed by {signal_name(record.signal)}")
    if record.exit_code == 0:
        return ContainerExit(cause=ExitCause.EXITED, reason="exited without a result", exit_code=0)
    return ContainerExit(cause=ExitCause.EXITED, reason=f"exit code {record.exit_code}", exit_code=record.exit_code)


def _clear_up(folder: ContainerFolder, supervisor: Process) -> ContainerExit:
    if not supervisor.is_of_this_boot():
        shutil.rmtree(folder.work, ignore_errors=True)
        return ContainerExit(cause=ExitCause.LOST, reason="The machine was started again")
    if process_of(supervisor.pid) is None:  # else its number, and so its session's, belongs to somebody else by now
        kill_session(supervisor.pid)
    folder.remove_memory_group()
    shutil.rmtree(folder.work, ignore_errors=True)
    if folder.was_interrupted():
        return _INTERRUPTED
    return ContainerExit(cause=ExitCause.EXITED, reason="killed together with its supervisor")
