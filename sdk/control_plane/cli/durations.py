"""Durations as people read and write them, in few characters."""

import re

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY, "w": 7 * _DAY}


def read(text: str) -> float | None:
    """`90s`, `1.5h`, `7d`, in seconds; None of what is none."""
    written = _WRITTEN.fullmatch(text.strip())
    return None if written is None else float(written[1]) * _SECONDS[written[2]]


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
