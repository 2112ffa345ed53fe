"""How commands end: the exit codes, and the errors that carry one."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Documented in docs/command-line.md. 2 is also what a wrong option ends with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    TIMED_OUT = 3
    CANCELLED = 4
    NOT_WRITTEN = 5  # done, but what it printed did not arrive
    INTERRUPTED = 130


class CommandFailed(Exception):
    """One line for the user: what is wrong and what to do about it."""

    exit_code = ExitCode.FAILED


class WrongUsage(CommandFailed):
    """What was asked for makes no sense, whatever the server says."""

    exit_code = ExitCode.USAGE
