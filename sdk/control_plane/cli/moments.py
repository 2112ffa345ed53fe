"""Moments as people write them: how long ago, a time of today, a date."""

import re
from datetime import datetime, timedelta

from control_plane.access.errors import WrongUsage
from control_plane.cli.durations import read

_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?")
HELP = "so long ago (90s, 30m, 2h, 7d), or a time: 03:00, 2026-11-27, 2026-11-27T03:00+01:00"


def moment(text: str, *, now: datetime) -> float:
    """Epoch seconds. Without a time zone it is a time of this machine's; `now` has one; a time without a date is the
    last one that there was. Raises WrongUsage."""
    ago = read(text)
    if ago is not None:
        return now.timestamp() - ago
    try:
        if _CLOCK.fullmatch(text.strip()):
            return _of_the_last_day(text.strip(), now)
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except (ValueError, OverflowError) as error:
        raise WrongUsage(f"{text!r} is no moment; write {HELP}") from error


def _of_the_last_day(clock: str, now: datetime) -> float:
    today = now.astimezone()
    time = datetime.strptime(clock, "%H:%M:%S" if clock.count(":") > 1 else "%H:%M").time()  # noqa: DTZ007
    found = datetime.combine(today.date(), time).astimezone()
    if found > today:
        found = datetime.combine(today.date() - timedelta(days=1), time).astimezone()
    return found.timestamp()
