"""What may come of a request, in words for the user.

CommandFailed
├─ Unreachable       no answer, or none that is the control plane's
└─ Refused           the API said no
   ├─ KeyIsRefused   403
   └─ NotFound       404
"""

from control_plane.cli.exits import CommandFailed


class Unreachable(CommandFailed):
    """The server did not answer for as long as we were willing to wait."""


class Refused(CommandFailed):
    """`detail`: the API's own text, or the first problem of a 422."""

    def __init__(self, line: str, *, status: int, detail: str) -> None:
        super().__init__(line)
        self.status = status
        self.detail = detail


class KeyIsRefused(Refused):
    """The server does not know the key."""


class NotFound(Refused):
    """Something of the path does not exist; the detail says what."""
