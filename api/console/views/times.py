"""Times and durations as people read them."""

from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from api.console.views.texts import ABSENT

DAY = timedelta(days=1)

_SECOND = 1
_MINUTE = 60
_HOUR = 3_600
_DAY = 86_400


def moment(time: datetime | None, *, absent: str = ABSENT) -> Markup:
    """An HTML `time`: how long ago it was, with the exact time beside it."""
    if time is None:
        return Markup.escape(absent)
    words = relative(time, datetime.now(UTC))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(_machine_readable(time), _exactly(time), words)


def exact_moment(time: datetime) -> Markup:
    """An HTML `time` with the exact time, for pages that stay open."""
    return Markup('<time datetime="{}">{}</time>').format(_machine_readable(time), _exactly(time))


def relative(time: datetime, now: datetime) -> str:
    """In its largest unit, rounded down."""
    ago = (now - time).total_seconds()
    words = _largest_unit(abs(ago))
    if abs(ago) < _SECOND:
        return "now"
    return f"{words} ago" if ago > 0 else f"in {words}"


def duration(length: timedelta | None, *, absent: str = ABSENT) -> str:
    """In one unit below a minute, and in two above."""
    if length is None:
        return absent
    seconds = max(0.0, length.total_seconds())
    if seconds < _SECOND:
        return f"{round(seconds * 1_000)} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def milliseconds(length: int) -> str:
    """As `duration`."""
    return duration(timedelta(milliseconds=length))


def _exactly(time: datetime) -> str:
    """To the second, by UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _machine_readable(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _largest_unit(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{int(seconds)} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h"
    return f"{int(seconds // _DAY)} d"
