"""What a run does, drawn from its seed: which functions are called how, and what is killed when."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from environment.provisioner_names import ProvisionerName

_Victim = TypeVar("_Victim")


class CancelBy(StrEnum):
    REST = "REST"
    TEMPORAL = "Temporal"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionPlan:
    """`share`: of all calls. `seconds`: between which it is given to do. `cancelled`: the share of its calls."""

    share: int
    max_concurrency: int
    max_retries: int
    timeout_seconds: int = 600
    seconds: tuple[float, float] | None = None
    cancelled: float = 0.0


FUNCTIONS = {
    "answer": FunctionPlan(share=30, max_concurrency=3, max_retries=1, cancelled=0.1),
    "hold": FunctionPlan(share=25, max_concurrency=3, max_retries=1, seconds=(1.0, 6.0), cancelled=0.3),
    "overrun": FunctionPlan(share=5, max_concurrency=2, max_retries=2, timeout_seconds=4, seconds=(8.0, 20.0)),
    "fail": FunctionPlan(share=10, max_concurrency=2, max_retries=1, cancelled=0.1),
    "fail_at_first": FunctionPlan(share=10, max_concurrency=1, max_retries=3),
    "die": FunctionPlan(share=8, max_concurrency=1, max_retries=1),
    "call": FunctionPlan(share=12, max_concurrency=2, max_retries=1, seconds=(0.5, 3.0), cancelled=0.3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One submit. `pause`: seconds after the one before. `label` tells it from all others."""

    pause: float
    function: str
    label: str
    seconds: float | None
    has_key: bool
    is_repeated: bool
    cancel_by: CancelBy | None
    cancel_after: float


class Target(StrEnum):
    API = "api"
    LOOP = "loop"
    LOOP_PAUSED = "loop (paused)"
    TEMPORAL = "temporal"
    POSTGRES = "postgres"
    POSTGRES_SESSION = "postgres (session)"
    POSTGRES_SILENT = "postgres (silent)"
    TEMPORAL_SILENT = "temporal (silent)"
    CONTAINER = "container"
    CONTAINER_IDLE = "container (idle)"
    CONTAINER_PAUSED = "container (paused)"
    EXECUTION = "execution"
    SUPERVISOR = "supervisor"
    RUN_TASK_THROTTLED = "RunTask (throttled)"
    NO_CAPACITY = "RunTask (no capacity)"
    RUN_TASK_UNANSWERED = "RunTask (answer lost)"
    STOP_TASK_UNANSWERED = "StopTask (answer lost)"
    TASKS_NOT_DESCRIBED = "DescribeTasks"
    TASKS_SEEN_LATE = "visibility"
    SPOT = "Spot"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger:
    """What is struck where containers run: each of `targets` once in a round, one of the occasional ones, and one of
    the servers that may fall silent; `gaps`: the seconds from one fault to the next."""

    targets: tuple[Target, ...]
    gaps: tuple[float, float]

    def is_tried(self, struck: Set[Target]) -> bool:
        """Whether each of `targets` is among them, and a server that fell silent."""
        return struck >= set(self.targets) and not struck.isdisjoint(_SILENT)


_SERVERS = (Target.API, Target.LOOP, Target.TEMPORAL, Target.POSTGRES)
_AWS = (
    *(Target.RUN_TASK_THROTTLED, Target.NO_CAPACITY, Target.RUN_TASK_UNANSWERED, Target.STOP_TASK_UNANSWERED),
    *(Target.TASKS_NOT_DESCRIBED, Target.TASKS_SEEN_LATE, Target.SPOT, Target.HOST),
)
_OCCASIONAL = (Target.LOOP_PAUSED, Target.POSTGRES_SESSION)
_SILENT = (Target.POSTGRES_SILENT, Target.TEMPORAL_SILENT)

DANGERS = {
    ProvisionerName.PROCESS: Danger(targets=(*_SERVERS, Target.CONTAINER, Target.SUPERVISOR), gaps=(2.0, 9.0)),
    ProvisionerName.ECS: Danger(targets=(*_SERVERS, Target.CONTAINER, *_AWS), gaps=(1.0, 5.0)),
}

# Of functions whose containers are reused. The others have one for each execution.
REUSE: Mapping[str, Mapping[str, Any]] = {
    "answer": {"idle_seconds": 5},
    "hold": {"idle_seconds": 8, "min_idle": 1, "max_executions": 20},
    "overrun": {"idle_seconds": 5},
    "fail": {"idle_seconds": 3, "max_executions": 3},
    "fail_at_first": {"idle_seconds": 10, "isolation": "process"},
    "die": {"idle_seconds": 5},
}


def danger(provisioner: ProvisionerName, *, is_reusing: bool) -> Danger:
    """What is struck on this platform, warm containers included where there are some."""
    found = DANGERS[provisioner]
    if not is_reusing:
        return found
    warm = (Target.CONTAINER_IDLE, Target.CONTAINER_PAUSED, Target.EXECUTION)
    return replace(found, targets=(*found.targets, *warm))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`gap`: seconds after the one before. `choice`, from 0 to 1: which of several, or how much. `downtime`: seconds
    until it is started again."""

    gap: float
    target: Target
    choice: float
    downtime: float

    def chosen(self, victims: Sequence[_Victim]) -> _Victim:
        return victims[int(self.choice * len(victims))]


def calls(seed: int) -> Iterator[Call]:
    """Without end: about one a second."""
    rng = random.Random(f"{seed} calls")
    names, shares = list(FUNCTIONS), [function.share for function in FUNCTIONS.values()]
    number = 0
    while True:
        number += 1
        (name,) = rng.choices(names, shares)
        function = FUNCTIONS[name]
        is_cancelled = rng.random() < function.cancelled
        yield Call(
            pause=rng.uniform(0.3, 1.9),
            function=name,
            label=f"call-{number}",
            seconds=None if function.seconds is None else round(rng.uniform(*function.seconds), 2),
            has_key=rng.random() < 0.6,
            is_repeated=rng.random() < 0.2,
            cancel_by=rng.choice(list(CancelBy)) if is_cancelled else None,
            cancel_after=rng.uniform(0.0, 5.0),
        )


def faults(seed: int, danger: Danger) -> Iterator[Fault]:
    """Without end, round after round, each in any order. The servers fall silent by turns."""
    rng = random.Random(f"{seed} faults")
    silent = itertools.cycle(rng.sample(_SILENT, len(_SILENT)))
    while True:
        targets = [*danger.targets, rng.choice(_OCCASIONAL), next(silent)]
        for target in rng.sample(targets, len(targets)):
            yield Fault(
                gap=rng.uniform(*danger.gaps),
                target=target,
                choice=rng.random(),
                downtime=rng.choice((0.0, rng.uniform(0.5, 5.0))),
            )


def definition(image: str, *, reuse: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The version that is deployed. `reuse`: of those that have it."""
    return {
        "default_docker_image": image,
        "functions": [
            {
                "function_name": name,
                "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": plan.max_concurrency},
                "execution_spec": {"max_retries": plan.max_retries, "timeout_seconds": plan.timeout_seconds},
                **({"reuse": reuse[name]} if name in reuse else {}),
            }
            for name, plan in FUNCTIONS.items()
        ],
    }
