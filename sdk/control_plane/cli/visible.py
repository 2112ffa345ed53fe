"""Texts of others on a screen: what would be obeyed there is shown instead."""

import re

# C0 and C1 controls without tab and line end, and what turns the direction of what follows.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]")


def visible(text: str) -> str:
    """Lines stay lines; a command to the terminal becomes its name as Python writes it, `\\x1b` for an escape."""
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], text)


def visible_line(text: str) -> str:
    """The same within one line."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")
