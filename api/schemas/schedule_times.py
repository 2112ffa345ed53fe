"""When a schedule calls: what Temporal would refuse, or read otherwise than cron elsewhere, is refused here."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from control_plane_server.domain.bounds import MAX_CRON_LENGTH

_FIELDS = 5
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4
_NAMES = re.compile("JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT", re.IGNORECASE)
_ALLOWED = re.compile(r"[0-9*,/-]*")
_EXAMPLE = "as in 0 7 * * 1-5: minute, hour, day of the month, month, day of the week"


def _checked_cron(cron: str) -> str:
    """Raises ValueError."""
    fields = cron.split()
    if len(fields) != _FIELDS:
        raise ValueError(f"cron must have five fields, {_EXAMPLE}")
    for field in fields:
        if not _ALLOWED.fullmatch(_NAMES.sub("", field)):
            raise ValueError(f"cron has {field!r}: only numbers, names of months and days, and * , - / are known")
    if not fields[_DAY_OF_MONTH].startswith("*") and not fields[_DAY_OF_WEEK].startswith("*"):
        # Cron takes days that fit either, Temporal those that fit both.
        raise ValueError("cron must not restrict both the day of the month and the day of the week: take two schedules")
    try:
        CronSim(" ".join(fields).upper(), datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"cron is not valid: {error}; {_EXAMPLE}") from None
    return " ".join(fields)


def _known_time_zone(name: str) -> str:
    """Raises ValueError."""
    if name not in _time_zones():
        raise ValueError(f"timezone {name!r} is not in the time zone database; one is Europe/Berlin, another UTC")
    return name


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def distinct_names(names: Iterable[str]) -> None:
    """Raises ValueError."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"names of schedules must be distinct in a project; {name!r} is there twice")
        seen.add(name)


Cron = Annotated[str, Field(max_length=MAX_CRON_LENGTH), AfterValidator(_checked_cron)]
TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
