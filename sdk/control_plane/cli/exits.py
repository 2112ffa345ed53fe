"""How commands end: the exit codes, and whether Python clears up before."""

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


class Finalization:
    """Of Python, after the command. `is_unsafe`: a library has threads that crash it now and then."""

    is_unsafe = False
