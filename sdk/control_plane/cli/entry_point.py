"""The entry point behind `cli/main.py`: runs the command, and turns however it ends into an exit code."""

from typer.main import get_install_completion_arguments

from control_plane.access.errors import WrongUsage
from control_plane.cli.application import app
from control_plane.cli.exits import ExitCode
from control_plane.cli.output import fail
from control_plane.cli.streams import guard_streams, loss
from control_plane.errors import ControlPlaneError


def run_command() -> int:
    guard_streams()
    get_install_completion_arguments()  # which is what has typer answer shells that complete
    code = _exit_code()
    reason = loss()
    if reason is None:
        return code
    fail(f"what was to be printed could not be written to stdout: {reason}")
    return code or ExitCode.NOT_WRITTEN


def _exit_code() -> int:
    try:
        app()
    except WrongUsage as error:
        fail(str(error))
        return ExitCode.USAGE
    except ControlPlaneError as error:
        fail(str(error))
        return ExitCode.FAILED
    except SystemExit as exit_request:
        return exit_request.code if isinstance(exit_request.code, int) else ExitCode.OK
    return ExitCode.OK
