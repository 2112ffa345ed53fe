"""Durations as people read them, in few characters."""

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def in_short(seconds: float | None) -> str:
    """`0.42s`, `12.3s`, `2m05s`, `3h20m`, `4d03h`. Empty where it is not known."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(seconds, 0):.2f}s"
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}h"


def age(seconds: float) -> str:
    """To one unit: `5s`, `12m`, `3h`, `4d`."""
    whole = max(int(seconds), 0)
    for unit, length in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE)):
        if whole >= 2 * length or (whole >= length and unit != "m"):
            return f"{whole // length}{unit}"
    return f"{whole}s"
