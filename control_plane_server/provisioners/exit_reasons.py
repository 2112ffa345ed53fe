"""Why a container is gone, in the same words on every provisioner. Nothing here raises."""

import signal

_BY_A_SIGNAL = 128  # added to its number, it is the exit code that shells and engines give


def stop_reason(exit_code: int | None) -> str:
    """Of a container that we told to stop; it counts where the container did not report."""
    if exit_code == _BY_A_SIGNAL + signal.SIGKILL:
        return "killed after the grace period: it was told to stop and did not end"
    if exit_code is None:
        return "ended without a report when it was told to stop"
    return f"ended without a report when it was told to stop (exit code {exit_code})"


def exit_reason(exit_code: int | None) -> str:
    """Of an execution's process in a warm container that ended without a report, and was not told to. A negative code
    is a signal's."""
    if exit_code is None or exit_code == 0:
        return "exited without a result"
    number = -exit_code if exit_code < 0 else exit_code - _BY_A_SIGNAL
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"exit code {exit_code}"
    return f"killed by {name}" if exit_code < 0 else f"exit code {exit_code} ({name})"


def exit_code_of_signal(number: int) -> int:
    return _BY_A_SIGNAL + number


def out_of_memory_reason(limit_mib: int) -> str:
    return f"killed for using more than its memory ({limit_mib} MiB)"
