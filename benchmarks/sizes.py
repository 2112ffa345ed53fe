"""How much is measured: in full, which takes less than half an hour, or quickly, in less than five minutes."""

from dataclasses import dataclass

ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """`batch_rounds`: of batches on warm containers. `levels`: held executions, the first and the last to be compared;
    without any, growth is not measured. `minutes`: that tasks on AWS are watched."""

    throughput: int
    batch: int
    batch_rounds: int
    batch_of_processes: int
    trials: int
    levels: tuple[int, ...]
    window_seconds: float
    few_ended: int
    many_ended: int
    backlog: int
    tasks: int
    minutes: float


FULL = Sizes(
    throughput=500,
    batch=10_000,
    batch_rounds=1,
    batch_of_processes=2_000,
    trials=30,
    levels=(300, 1_000, 3_000),
    window_seconds=20.0,
    few_ended=10_000,
    many_ended=1_000_000,
    backlog=10_000,
    tasks=300,
    minutes=1.0,
)
QUICK = Sizes(
    throughput=100,
    batch=500,
    batch_rounds=ROUNDS,
    batch_of_processes=200,
    trials=8,
    levels=(),
    window_seconds=3.0,
    few_ended=1_000,
    many_ended=50_000,
    backlog=300,
    tasks=300,
    minutes=0.4,
)
