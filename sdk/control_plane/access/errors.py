"""What keeps something from being asked of a server at all; each in one line that says what to do."""

from control_plane.errors import ControlPlaneError


class CannotBeDone(ControlPlaneError):
    """Here, or as things are."""


class WrongUsage(CannotBeDone):
    """What was asked for makes no sense, whatever the server says."""
