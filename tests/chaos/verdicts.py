"""Holds what is recorded of each execution against what its function does and what the suite has done to it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from control_plane_server.domain.identifiers import ExecutionId
from tests.chaos.ledger import Ledger
from tests.chaos.platform import Traces

Json = dict[str, Any]
_SUCCEEDING = ("answer", "hold", "overrun", "call", "fail_at_first")
_FAILING = ("fail", "fail_at_first")
_DEATH = "exit code 3"
_MURDERS = ("killed by SIGKILL", "exit code 137 (SIGKILL)", "killed together with its supervisor")


def verdicts(
    invocations: Sequence[Json], traces: Traces, runs: Mapping[ExecutionId, int], ledger: Ledger
) -> Iterator[str]:
    """A sentence for each contradiction. `invocations`: all of them, as the API tells of them."""
    labels: Counter[str] = Counter()
    recorded: set[str] = set()
    reused = {one["function_name"] for one in invocations if any(map(_is_of_warm_container, one["executions"]))}
    for invocation in invocations:
        labels[json.loads(invocation["input"])["label"]] += 1
        for execution in invocation["executions"]:
            recorded.add(execution["execution_id"])
            ran = runs.get(execution["execution_id"], 0)
            if invocation["function_name"] not in reused:
                yield from _verdicts_on_containers(execution, traces, ran)
            elif ran > execution["launches"]:
                yield f"{execution['execution_id']} ran {ran} times, and {execution['launches']} launches are recorded"
            yield from _verdicts_on_runs(execution, traces, ran)
            if not _is_explained(invocation, execution, ledger):
                yield f"unexplained end of an attempt at {invocation['function_name']}: {execution}"
    for label, count in labels.items():
        if count > 1:
            yield f"{label} was submitted once and has {count} invocations"
    for label in ledger.accepted:
        if label not in labels:
            yield f"{label} was accepted and is not in the catalog"
    for execution_id in {*traces.launches, *runs} - recorded:
        yield f"{execution_id} ran and is not in the catalog"


def _verdicts_on_containers(execution: Json, traces: Traces, runs: int) -> Iterator[str]:
    """Of an execution that has its containers to itself."""
    execution_id = execution["execution_id"]
    launches = traces.launches.get(execution_id, 0)
    is_stopped = execution["termination_signal_time"] is not None
    has_started = execution["execution_start_time"] is not None
    # A launch counts when its container is known, or has started the execution. A stop may come between: what comes to
    # be after that is stopped, and refused by the API.
    is_unheard_of = is_stopped and not has_started and execution["worker_details"] is None
    if launches != execution["launches"] and not (is_unheard_of and launches == execution["launches"] + 1):
        yield f"{execution_id} had {launches} containers, and {execution['launches']} launches are recorded"
    if runs > launches:
        yield f"{execution_id} ran {runs} times in {launches} containers"


def _verdicts_on_runs(execution: Json, traces: Traces, runs: int) -> Iterator[str]:
    execution_id = execution["execution_id"]
    losses = traces.losses.get(execution_id, 0)
    has_started = execution["execution_start_time"] is not None
    has_spoken = execution["outcome"] in ("SUCCEEDED", "FAILED") or execution["error_message"] == _DEATH
    if has_spoken and not 1 <= runs <= losses + 1:
        yield f"{execution_id} has an outcome of one run, and ran {runs} times, {losses} containers lost: {execution}"
    if runs > losses and not has_started:
        yield f"{execution_id} ran without having started: {execution}"


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
    return _is_murder(execution, ledger) or (function == "die" and execution["error_message"] == _DEATH)


def _is_murder(execution: Json, ledger: Ledger) -> bool:
    """A container that was killed while it was idle costs nobody an attempt."""
    if execution["error_message"] not in _MURDERS:
        return False
    if execution["is_warm_start"] and execution["execution_start_time"] is None:
        return False
    details = execution["worker_details"]
    names = {execution["execution_id"], None if details is None else details["identifier"]}
    return not names.isdisjoint(ledger.killed_containers)


def _is_of_warm_container(execution: Json) -> bool:
    return execution["is_warm_start"] is not None
