"""What is measured, as rows of one table: a ratio to something that was measured beside it, or a figure by itself."""

import json
import operator
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

_COMPARISONS = {"at least": operator.ge, "at most": operator.le, "under": operator.lt}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`comparison`: "at least", "at most" or "under"."""

    comparison: str
    bound: float

    def is_met_by(self, figure: float) -> bool:
        return bool(_COMPARISONS[self.comparison](figure, self.bound))

    def __str__(self) -> str:
        return f"{self.comparison} {self.bound:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure a round in each of the two sequences; where there is nothing to compare with, `against` is empty.

    The target is the ratio's, or the figure's if there is no ratio.
    """

    what: str
    unit: str
    figures: Sequence[float]
    against_what: str = ""
    against: Sequence[float] = ()
    target: Target | None = None

    @property
    def ratios(self) -> list[float]:
        """None at all if one of `against` is not positive: a difference of two figures may be lost in their noise."""
        if not self.against or min(self.against) <= 0:
            return []
        return [ours / theirs for ours, theirs in zip(self.figures, self.against, strict=True)]

    @property
    def verdict(self) -> bool | None:
        """Whether the median meets the target; None without one, or without a ratio."""
        figures = self.ratios if self.against else self.figures
        if self.target is None or not figures:
            return None
        return self.target.is_met_by(statistics.median(figures))

    def __str__(self) -> str:
        ratio = f", ratio {_median_and_range(self.ratios)}" if self.ratios else ""
        return f"{self.what}: {_median_and_range(self.figures)} {self.unit}{ratio}"


def percentile_95(figures: Sequence[float]) -> float:
    return statistics.quantiles(figures, n=20, method="inclusive")[-1]


def print_table(rows: Sequence[Row]) -> None:
    """As wide as it is: a table that is folded cannot be read."""
    table = Table("what", "measured: median (range)", "against", "ratio: median (range)", "target", "met", box=SIMPLE)
    for row in rows:
        table.add_row(
            row.what,
            f"{_median_and_range(row.figures)} {row.unit}",
            f"{_median_and_range(row.against)} {row.unit}: {row.against_what}" if row.against else "",
            _median_and_range(row.ratios) if row.ratios else "",
            "" if row.target is None else str(row.target),
            {True: "yes", False: "NO", None: ""}[row.verdict],
        )
    Console(width=250).print(table)


def write_json(rows: Sequence[Row], file: Path) -> None:
    file.write_text(
        json.dumps(
            [
                {
                    "what": row.what,
                    "unit": row.unit,
                    "figures": list(row.figures),
                    "against_what": row.against_what or None,
                    "against": list(row.against),
                    "ratios": row.ratios,
                    "target": None if row.target is None else str(row.target),
                    "is_met": row.verdict,
                }
                for row in rows
            ],
            indent=2,
        )
        + "\n"
    )


def _median_and_range(figures: Sequence[float]) -> str:
    median = _short(statistics.median(figures))
    if len(figures) == 1:
        return median
    return f"{median} ({_short(min(figures))} to {_short(max(figures))})"


def _short(figure: float) -> str:
    """Three digits that matter."""
    return f"{figure:.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
