"""How long reads take where many invocations have ended, against where few have."""

import statistics
import time
from collections.abc import Callable

from benchmarks.containers import ZERO
from benchmarks.ended import ended_invocation
from benchmarks.figures import Row, Target
from benchmarks.project import Project
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack


async def reads(few: Stack, many: Stack, sizes: Sizes) -> list[Row]:
    """Both have their ended invocations."""
    rows = []
    for what, suffix in _PAGES.items():
        figures, against = [], []
        for _ in range(ROUNDS):
            against.append(await _median(few, suffix(sizes.few_ended), trials=2 * sizes.trials))
            figures.append(await _median(many, suffix(sizes.many_ended), trials=2 * sizes.trials))
        rows.append(
            Row(
                what=f"{what}, {sizes.many_ended} ended",
                unit="ms",
                figures=figures,
                against_what=f"{sizes.few_ended} ended",
                against=against,
                target=Target(comparison="under", bound=1.5),
            )
        )
    return rows


async def _median(stack: Stack, suffix: str, *, trials: int) -> float:
    path = Project(stack.http).invocations(ZERO) + suffix
    milliseconds = []
    for _ in range(trials):
        start = time.monotonic()
        await stack.http.get(path)
        milliseconds.append(1_000 * (time.monotonic() - start))
    return statistics.median(milliseconds)


def _offset(count: int) -> str:
    """Of the page that begins a day and half of the ended invocations ago: one ended every second."""
    return f"{int(time.time()) - 86_400 - count // 2},"


# What follows the path of a function's invocations, of which so many have ended.
_PAGES: dict[str, Callable[[int], str]] = {
    "GET an invocation": lambda ended: f"/{ended_invocation(ended // 2)}",
    "first page of a list": lambda _: "",
    "page in the middle of a list": lambda ended: f"?initial_offset={_offset(ended)}",
    "first page of those TERMINATED": lambda _: "?status=TERMINATED",
    "first page of those RUNNING, of which there is none": lambda _: "?status=RUNNING",
}
