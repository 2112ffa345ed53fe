"""When a function is called by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta

    from typing_extensions import Literal

    Overlap = Literal["skip", "buffer_one", "cancel_other", "allow_all"]

_OVERLAPS = ("skip", "buffer_one", "cancel_other", "allow_all")


class _Times:
    """What all schedules have."""

    __slots__ = ("fields", "name")

    def __init__(self, name: str | None, input: Any, overlap: Any, jitter: Any, **times: Any) -> None:
        if overlap not in _OVERLAPS:
            raise ValueError("overlap must be one of %s, not %.60r" % (", ".join(_OVERLAPS), overlap))
        self.name = name
        self.fields = {
            **times,
            "input": input if isinstance(input, str) else _encoded(input),
            "overlap": overlap,
            "jitter_seconds": _seconds("jitter", jitter, 0),
        }

    def __repr__(self) -> str:
        return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % pair for pair in self.fields.items()))


class Cron(_Times):
    """At the times of a cron expression, by the clock of a time zone: minute, hour, day of the month, month, day of the
    week.

    `input`: arguments by their names, or any text. `overlap`: what happens if an invocation of the schedule still
    runs: "skip", "buffer_one" waits for its end, "cancel_other", "allow_all". `jitter`: up to how many seconds later
    each call is made. `name`: of the project's schedules; default: that of the function.
    """

    __slots__ = ()

    def __init__(
        self,
        cron: str,
        *,
        timezone: str = "UTC",
        input: Any = "",
        overlap: Overlap = "skip",
        jitter: float | timedelta = 0,
        name: str | None = None,
    ) -> None:
        """Raises TypeError, ValueError."""
        if not isinstance(cron, str) or len(cron.split()) != 5:
            raise ValueError('a cron expression has five fields, as in cp.Cron("0 7 * * 1-5"), not %.60r' % (cron,))
        super().__init__(name, input, overlap, jitter, cron=cron, timezone=timezone)


class Every(_Times):
    """Every so many seconds, counted from 1970 on, so that hours and days begin as they do in UTC. The rest as of
    `Cron`."""

    __slots__ = ()

    def __init__(
        self,
        seconds: float | timedelta,
        *,
        input: Any = "",
        overlap: Overlap = "skip",
        jitter: float | timedelta = 0,
        name: str | None = None,
    ) -> None:
        """Raises TypeError, ValueError."""
        super().__init__(name, input, overlap, jitter, every_seconds=_seconds("seconds", seconds, 1))


def fields_of(declared: Any, function_name: str) -> list[dict[str, Any]]:
    """As the REST API has them; those without a name are called as the function, with a number from the second on.
    Raises TypeError for what is neither Cron nor Every."""
    schedules = declared if isinstance(declared, (list, tuple)) else [declared]
    fields = []
    for number, schedule in enumerate(schedules, 1):
        if not isinstance(schedule, _Times):
            raise TypeError('a schedule is a cp.Cron or cp.Every: schedule=cp.Cron("0 7 * * *"), not %.60r' % schedule)
        default = function_name if number == 1 else "%s-%d" % (function_name, number)
        fields.append({"name": schedule.name or default, **schedule.fields})
    return fields


def fields_of_one(schedule: Any) -> dict[str, Any]:
    """Without its name. Raises TypeError for what is neither Cron nor Every."""
    (fields,) = fields_of([schedule], "")
    del fields["name"]
    return fields


def _encoded(input: Any) -> str:
    """Raises TypeError."""
    from control_plane.encoding import encode  # noqa: PLC0415 - it takes long, and few declare a schedule

    return encode(input, name="input")


def _seconds(name: str, value: Any, least: int) -> int:
    """Of a number or a timedelta. Raises ValueError."""
    seconds = value.total_seconds() if hasattr(value, "total_seconds") else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds != int(seconds) or seconds < least:
        raise ValueError("%s must be whole seconds, %d or more, not %.60r" % (name, least, value))
    return int(seconds)
