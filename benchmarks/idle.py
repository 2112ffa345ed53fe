"""What everything uses while nothing runs: the same however much has ended."""

from benchmarks.figures import Row, Target
from benchmarks.sizes import Sizes
from benchmarks.stack import Stack
from benchmarks.windows import core_shares

_LEAST_SECONDS = 10.0  # a shorter window is held to no target: so little is used that it is mostly noise


async def idle(empty: Stack, many: Stack, sizes: Sizes) -> list[Row]:
    """Both at once: neither has anything to do."""
    rounds = await core_shares(empty, many, names=("loop", "api", "postgres", "temporal"), sizes=sizes)
    return [
        Row(
            what=f"idle with {sizes.many_ended} ended: CPU of loop, api, database and Temporal",
            unit="of a core",
            figures=[loaded for _, loaded in rounds],
            against_what="none ended",
            against=[unloaded for unloaded, _ in rounds],
            target=Target(comparison="at most", bound=1.1) if sizes.window_seconds >= _LEAST_SECONDS else None,
        )
    ]
