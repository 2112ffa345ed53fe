"""Figures that tests measure: kept with the test's report, and printed at the end of the run by `tests/counts.py`."""

from collections.abc import Callable

Show = Callable[[str], None]
PROPERTY = "figure"
