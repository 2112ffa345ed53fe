"""Times as on the wire: whole seconds since 1970, rounded down; and durations: seconds with milliseconds."""

from datetime import datetime, timedelta


def epoch_seconds(time: datetime) -> int:
    return int(time.timestamp())


def optional_epoch_seconds(time: datetime | None) -> int | None:
    return None if time is None else epoch_seconds(time)


def seconds_of(milliseconds: int) -> float:
    return milliseconds / 1000


def optional_seconds_of(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else seconds_of(milliseconds)


def optional_seconds(duration: timedelta | None) -> float | None:
    """At least 0, as the clock that wrote both times may have been set back in between."""
    return None if duration is None else max(0.0, round(duration.total_seconds(), 3))
