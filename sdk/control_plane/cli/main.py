"""The `control-plane` command. It imports next to nothing: Ctrl-C is heard while the rest is imported, too."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from types import FrameType

_NO_HOME = "/dev/null"  # nothing is found in it, and nobody can make anything there
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_INTERRUPTED = 130
_OF_THE_EXTRA = ("httpx2", "pathspec", "rich", "typer")


class Interrupted(BaseException):
    """Ctrl-C. No KeyboardInterrupt, which libraries answer in ways of their own."""


def main() -> None:
    signal.signal(signal.SIGINT, _interrupt)
    _pass_over_modules_of_others()
    _have_a_home()
    try:
        _exit(import_module("control_plane.cli.entry_point").run_command())
    except Interrupted:
        sys.exit(_INTERRUPTED)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _OF_THE_EXTRA:
            raise
        sys.exit('control-plane: the command line needs %s: pip install "control-plane-client[cli]"' % missing)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _exit(code: int) -> None:
    if not import_module("control_plane.cli.exits").Finalization.is_unsafe:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):  # which raise nothing
        stream.flush()
    os._exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


def _pass_over_modules_of_others() -> None:
    """Folders of PYTHONPATH come after everything that is installed: in a user's there may be an `api` or a `typer`."""
    theirs = {os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path} - {_ROOT}
    sys.path[:] = [path for path in sys.path if path not in theirs] + [path for path in sys.path if path in theirs]


def _have_a_home() -> None:
    """Some libraries do not load without. Whoever really needs it says so later."""
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = _NO_HOME


if __name__ == "__main__":
    main()
