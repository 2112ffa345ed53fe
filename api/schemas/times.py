"""Times as on the wire: whole seconds since 1970, rounded down."""

from datetime import datetime


def epoch_seconds(time: datetime) -> int:
    return int(time.timestamp())


def optional_epoch_seconds(time: datetime | None) -> int | None:
    return None if time is None else epoch_seconds(time)
