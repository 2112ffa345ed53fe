"""The entry point behind `cli/main.py`: runs the command, and turns however it ends into an exit code."""

from control_plane.cli.application import app
from control_plane.cli.exits import CommandFailed, ExitCode
from control_plane.cli.output import fail
from control_plane.cli.streams import guard_streams, loss


def run_command() -> int:
    guard_streams()
    code = _exit_code()
    reason = loss()
    if reason is None:
        return code
    fail(f"what was to be printed could not be written to stdout: {reason}")
    return code or ExitCode.NOT_WRITTEN


def _exit_code() -> int:
    try:
        app()
    except CommandFailed as error:
        fail(str(error))
        return error.exit_code
    except SystemExit as exit_request:
        return exit_request.code if isinstance(exit_request.code, int) else ExitCode.OK
    return ExitCode.OK
