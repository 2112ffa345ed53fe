"""What a running execution costs the control plane: as much among thousands as among hundreds."""

import itertools

from benchmarks.containers import HOLD
from benchmarks.figures import Row, Target
from benchmarks.project import MAX_CONCURRENCY, Project
from benchmarks.sizes import Sizes
from benchmarks.stack import Stack
from benchmarks.windows import core_shares


async def growth(stack: Stack, sizes: Sizes) -> list[Row]:
    most = sizes.levels[-1]
    functions = [f"{HOLD}-{number}" for number in range(most // MAX_CONCURRENCY + 1)]
    project = await Project.deployed(stack, *functions)
    names = itertools.chain.from_iterable(itertools.repeat(functions))
    at_rest = await _shares(stack, sizes)
    costs: dict[int, list[float]] = {}
    held, launches = 0, stack.host.launches
    for level in sizes.levels:
        await project.submit_all(itertools.islice(names, level - held))
        held = level
        await stack.host.until_launched(launches + level)
        costs[level] = [
            1e6 * (share - rest) / level for share, rest in zip(await _shares(stack, sizes), at_rest, strict=True)
        ]
    lowest = sizes.levels[0]
    return [
        Row(
            what=f"CPU of loop, api and database per execution, {level} held",
            unit="µs/s",
            figures=costs[level],
            against_what=f"{lowest} held",
            against=costs[lowest],
            target=Target(comparison="at most", bound=1.2) if level == most else None,
        )
        for level in sizes.levels[1:]
    ]


async def _shares(stack: Stack, sizes: Sizes) -> list[float]:
    return [share for share, in await core_shares(stack, names=("loop", "api", "postgres"), sizes=sizes)]
