"""How the containers of a function are kept for its next executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Literal

_ISOLATIONS = ("fork", "process")
# As the REST API checks them.
_LONGEST_IDLE_SECONDS = 3_600
_MOST_IDLE = 100
_MOST_EXECUTIONS = 100_000


class Reuse:
    """A container stays for the next execution of the same version of its function, for `idle_seconds` after one
    (1 to 3,600). `min_idle`: how many of the newest version wait for as long as it takes (0 to 100). `max_executions`:
    after how many a container is replaced (1 to 100,000); None: never.

    `isolation`: with "fork" the module is imported once, and each execution is a copy of that process, so that nothing
    of one reaches another. "process" runs one after the other in the same process, for what cannot be copied, CUDA for
    example: what one leaves behind, the next one finds, and a stop ends the container.
    """

    __slots__ = ("idle_seconds", "isolation", "max_executions", "min_idle")

    def __init__(
        self,
        *,
        idle_seconds: int = 300,
        min_idle: int = 0,
        max_executions: int | None = None,
        isolation: Literal["fork", "process"] = "fork",
    ) -> None:
        """Raises ValueError for what is out of bounds."""
        self.idle_seconds = _whole("idle_seconds", idle_seconds, 1, _LONGEST_IDLE_SECONDS)
        self.min_idle = _whole("min_idle", min_idle, 0, _MOST_IDLE)
        self.max_executions = (
            None if max_executions is None else _whole("max_executions", max_executions, 1, _MOST_EXECUTIONS)
        )
        if isolation not in _ISOLATIONS:
            raise ValueError('isolation must be "fork" or "process", not %.60r' % (isolation,))
        self.isolation = isolation

    def __repr__(self) -> str:
        fields = ", ".join("%s=%r" % (name, value) for name, value in fields_of(self).items())
        return "Reuse(%s)" % fields


def fields_of(declared: Any) -> dict[str, Any]:
    """As the REST API has them. Raises TypeError for what is no Reuse."""
    if not isinstance(declared, Reuse):
        raise TypeError("reuse is a cp.Reuse: reuse=cp.Reuse(idle_seconds=300), not %.60r" % (declared,))
    names = ("idle_seconds", "min_idle", "max_executions", "isolation")
    return {name: getattr(declared, name) for name in names}


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError("{} must be {:,} to {:,}, not {!r:.60}".format(name, least, most, value))
    return value
