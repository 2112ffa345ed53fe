"""Holds what is recorded of each execution against what its function does and what the suite has done to it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.identifiers import ExecutionId
from tests.chaos.ledger import Ledger

Json = dict[str, Any]
_SUCCEEDING = ("answer", "hold", "overrun", "call", "fail_at_first")
_FAILING = ("fail", "fail_at_first")
_DEATH = "exit code 3"
_MURDERS = ("killed by SIGKILL", "killed together with its supervisor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What executions left on the machine: how many workers, and how many runs of the user's code."""

    launches: Mapping[ExecutionId, int]
    runs: Mapping[ExecutionId, int]


def read_runs(notes: Path) -> Counter[ExecutionId]:
    lines = notes.read_text().splitlines() if notes.exists() else []
    return Counter(ExecutionId(line.split()[1]) for line in lines)


def verdicts(invocations: Iterable[Json], traces: Traces, ledger: Ledger) -> Iterator[str]:
    """A sentence for each contradiction. `invocations`: all of them, as the API tells of them."""
    labels: Counter[str] = Counter()
    recorded: set[str] = set()
    for invocation in invocations:
        labels[json.loads(invocation["input"])["label"]] += 1
        for execution in invocation["executions"]:
            recorded.add(execution["execution_id"])
            yield from _verdicts_on_launches(execution, traces)
            if not _is_explained(invocation, execution, ledger):
                yield f"unexplained end of an attempt at {invocation['function_name']}: {execution}"
    for label, count in labels.items():
        if count > 1:
            yield f"{label} was submitted once and has {count} invocations"
    for label in ledger.accepted:
        if label not in labels:
            yield f"{label} was accepted and is not in the catalog"
    for execution_id in {*traces.launches, *traces.runs} - recorded:
        yield f"{execution_id} ran and is not in the catalog"


def _verdicts_on_launches(execution: Json, traces: Traces) -> Iterator[str]:
    execution_id = execution["execution_id"]
    launches, runs = traces.launches.get(execution_id, 0), traces.runs.get(execution_id, 0)
    is_stopped = execution["termination_signal_time"] is not None
    # A launch is recorded before it is made. A stop may come between.
    if launches != execution["launches"] and not (is_stopped and launches == execution["launches"] - 1):
        yield f"{execution_id} had {launches} workers, and {execution['launches']} launches are recorded"
    if runs > launches:
        yield f"{execution_id} ran {runs} times in {launches} workers"
    has_spoken = execution["outcome"] in ("SUCCEEDED", "FAILED") or execution["error_message"] == _DEATH
    if has_spoken and runs != 1:
        yield f"{execution_id} has an outcome of one run, and ran {runs} times: {execution}"


def _is_explained(invocation: Json, execution: Json, ledger: Ledger) -> bool:
    """Whether its function or the suite made it end like this; nothing else may cost an attempt."""
    function, label = invocation["function_name"], json.loads(invocation["input"])["label"]
    is_stopped = execution["termination_signal_time"] is not None
    match execution["outcome"]:
        case "SUCCEEDED":
            return function in _SUCCEEDING
        case "FAILED":
            return function in _FAILING and execution["error_message"] == f"ValueError: {label}"
        case "ABORTED":
            return is_stopped
    if is_stopped:
        return True
    is_murder = execution["error_message"] in _MURDERS and execution["execution_id"] in ledger.killed_workers
    return is_murder or (function == "die" and execution["error_message"] == _DEATH)
