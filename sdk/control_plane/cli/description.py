"""What `describe` says of an invocation."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from control_plane.cli.durations import in_short
from control_plane.cli.invocation_rows import print_invocations, short_id, took
from control_plane.cli.output import local_time, note, print_fields, print_table, terminal_width
from control_plane.cli.shortening import shortened
from control_plane.cli.states import in_order, state_of, styled
from control_plane.cli.tables import Cell, Column
from control_plane.client.listing import ProjectInvocation
from control_plane.protocol.answers import Execution, InvocationInfo
from control_plane.protocol.states import error_of, output_blob_of, output_of

_DEFAULT_PRIORITY = 5
_ATTEMPTS = (
    Column(name="ATTEMPT"),
    Column(name="STATUS"),
    Column(name="QUEUED", rank=7),
    Column(name="STARTING", rank=8),
    Column(name="RAN", rank=1),
    Column(name="STARTED", rank=2),
    Column(name="EXECUTION", rank=9),
    Column(name="ERROR", rank=3, narrowest=16, comfortable=40),
)


def show_invocation(
    invocation: InvocationInfo, children: Mapping[str, int], failed_children: Iterable[ProjectInvocation]
) -> None:
    """`children`: how many of them stand how."""
    state = state_of(invocation)
    print_fields([*_fields(invocation, state, children)])
    print_table(_ATTEMPTS, [_attempt(number, one, invocation) for number, one in enumerate(invocation.executions, 1)])
    failed = list(failed_children)
    if failed:
        note("Children that have not succeeded:")
        print_invocations(failed)
    _say_what_next(invocation, state)


def _fields(invocation: InvocationInfo, state: str, children: Mapping[str, int]) -> Iterable[tuple[str, Cell | object]]:
    document = invocation.document
    yield "Invocation", invocation.invocation_id
    yield "Function", f"{invocation.project_name}/{invocation.function_name}"
    yield "Status", styled(state)
    error = error_of(document)
    if error is not None and output_of(document) is None and output_blob_of(document) is None:
        yield "Error", shortened(error)
    yield "Version", invocation.version_id
    parent = document.get("parent_invocation")
    if parent is not None:
        yield "Parent", f"{parent['invocation_id']} of {parent['function_name']}"
    if document.get("batch_id") is not None:
        yield "Batch", document["batch_id"]
    if document.get("schedule_name") is not None:
        yield "Schedule", f"{document['schedule_name']}, of {local_time(document['scheduled_time'])}"
    if document.get("replayed_from") is not None:
        yield "Replay of", document["replayed_from"]
    yield "Created", local_time(invocation.creation_time)
    yield from options_of(document)
    if invocation.invocation_status == "TERMINATED":
        yield "Ended", local_time(invocation.last_update_time)
    yield "Took", in_short(took(invocation, now=time.time()))
    phases = _phases(invocation)
    if phases:
        yield "Of that", phases
    if any(children.values()):
        total = sum(children.values())
        yield "Children", f"{total:,}: " + ", ".join(f"{count:,} {name}" for name, count in in_order(children))
    checkpoint = document.get("checkpoint")
    if checkpoint is not None:
        by = f"by attempt {checkpoint['attempt']}, {checkpoint['size']:,} bytes"
        yield "Checkpoint", f"saved {local_time(checkpoint['save_time'])} {by}"
    input_blob, output_blob = document.get("input_blob"), output_blob_of(document)
    yield "Input", shortened(invocation.input) if input_blob is None else _in_store(input_blob)
    output = output_of(document)
    if output_blob is not None:
        yield "Result", _in_store(output_blob)
    elif output is not None:
        yield "Result", shortened(output)
    elif invocation.latest is not None and invocation.latest.output is not None:
        yield "Progress", shortened(invocation.latest.output)


def options_of(document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What its submit has asked for; an earlier release says less."""
    if document.get("delay_seconds"):
        yield "Not before", local_time(document["creation_time"] + document["delay_seconds"])
    if document.get("priority", _DEFAULT_PRIORITY) != _DEFAULT_PRIORITY:
        yield "Priority", str(document["priority"])
    if document.get("concurrency_key") is not None:
        yield "Key", f"{document['concurrency_key']}, of which {document['concurrency_limit']:,} may run at once"
    if document.get("tags"):
        yield "Tags", " ".join(f"{key}={value}" for key, value in document["tags"].items())


def _in_store(blob_id: str) -> str:
    return f"in the object store: {blob_id}"


def _phases(invocation: InvocationInfo) -> str:
    """Where the time went."""
    phases = {
        "queued": invocation.queued_seconds,
        "starting": invocation.starting_seconds,
        "running": invocation.running_seconds,
    }
    return ", ".join(f"{in_short(seconds)} {name}" for name, seconds in phases.items() if seconds is not None)


def _attempt(number: int, execution: Execution, invocation: InvocationInfo) -> tuple[Cell | str, ...]:
    status = (execution.outcome or execution.worker_status).lower()
    if execution.outcome is None and execution.worker_status == "TERMINATED":
        status = "lost"
    return (
        f"{number} of {invocation.execution_spec.max_retries + 1}",
        styled(status),
        in_short(execution.queued_seconds),
        in_short(execution.starting_seconds),
        in_short(execution.running_seconds),
        local_time(execution.execution_start_time),
        execution.execution_id,
        (execution.error_message or "").partition("\n")[0],
    )


def _say_what_next(invocation: InvocationInfo, state: str) -> None:
    if state not in ("failed", "timed out", "aborted"):
        return
    name = short_id(invocation.invocation_id, is_short=terminal_width() is not None)
    note(f"Its log: control-plane logs {name} --timestamps\n" f"Again: control-plane replay {name}")
