"""`control-plane describe`: all there is to know about a project, a function, an invocation or a batch."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.cli.children import NOT_SUCCEEDED, child_counts, children_of
from control_plane.cli.description import show_invocation
from control_plane.cli.lookup import explained, find_batch, find_invocation, find_version, function_of, meant
from control_plane.cli.output import local_time, print_fields, print_json, print_raw, print_table
from control_plane.cli.references import LAST, Reference, is_batch, is_invocation_id, parse
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.states import in_order
from control_plane.cli.tables import Column
from control_plane.cli.tree import print_tree
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.cli.verbs.pauses import paused_until
from control_plane.client.connections import AsyncConnection
from control_plane.client.listing import ProjectInvocation
from control_plane.errors import Refused
from control_plane.protocol.answers import BatchInfo, FunctionInfo, InvocationInfo, ResourceSpec, Version
from control_plane.protocol.blobs import text_of, with_output
from control_plane.protocol.results import Result
from control_plane.protocol.states import SUCCEEDED, status_of

_CHILDREN = 10  # of those that have not succeeded
_FUNCTIONS = (
    Column(name="FUNCTION", narrowest=16),
    Column(name="STATUS"),
    Column(name="CPUS", rank=4),
    Column(name="GB", rank=3),
    Column(name="AT ONCE", rank=2),
    Column(name="RETRIES", rank=5),
    Column(name="TIMEOUT", rank=1),
)


def describe(
    what: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT[/FUNCTION[/INVOCATION]]|INVOCATION|BATCH",
            help="An id, its first 6 digits or more, and - for the last that this terminal made, are enough.",
        ),
    ],
    *,
    tree: Annotated[bool, typer.Option("--tree", help="Of an invocation: all that it has started, as a tree.")] = False,
    input_: Annotated[
        bool, typer.Option("--input", help="Of an invocation: its input as it is, and nothing else.")
    ] = False,
    result: Annotated[
        bool, typer.Option("--result", help="Of an invocation: its result as it is, however large, and nothing else.")
    ] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Show a project with its functions, a function, how far a batch is; or an invocation: how it ended and why, where
    the time went, its attempts, how those stand that it has started.

    To do one again: control-plane replay ID
    """
    if tree + input_ + result + as_json > 1:
        raise WrongUsage("--tree, --input, --result and --json exclude each other")
    if not _is_id(what):
        parse(what)
    run(_describe(what, tree=tree, only_input=input_, only_result=result, api_url=api_url, as_json=as_json))


def _is_id(what: str) -> bool:
    return what == LAST or is_batch(what) or is_invocation_id(what)


async def _describe(
    what: str, *, tree: bool, only_input: bool, only_result: bool, api_url: str | None, as_json: bool
) -> None:
    async with connect(api_url) as connection:
        named = meant(connection, what)
        if is_batch(named):
            await _show_batch(connection, named, as_json=as_json)
            return
        reference = named if is_invocation_id(named) else parse(named)
        if isinstance(reference, str) or reference.invocation is not None:
            found = await find_invocation(connection, reference)
            if only_input:
                print_raw(await _input_of(connection, found))
            elif only_result:
                print_raw(await _result_of(connection, found))
            else:
                await _show_invocation(connection, found, tree=tree, as_json=as_json)
            return
        if tree or only_input or only_result:
            raise WrongUsage(f"{what!r} is no invocation, which alone has an input, a result and a tree")
        async with explained(connection, reference):
            if reference.function is None:
                await _show_project(connection, reference, as_json=as_json)
            else:
                await _show_function(connection, reference, as_json=as_json)


async def _input_of(connection: AsyncConnection, found: InvocationInfo) -> str:
    """However large it is."""
    blob_id = found.document.get("input_blob")
    if blob_id is None:
        return found.input
    return await connection.run(text_of(connection.api.peer, blob_id, f"input of {found.invocation_id}"))


async def _result_of(connection: AsyncConnection, found: InvocationInfo) -> str:
    """However large it is. Raises CannotBeDone."""
    if status_of(found.document) != SUCCEEDED:
        raise CannotBeDone(f"{found.invocation_id} has no result, as it has not succeeded")
    whole = await connection.run(with_output(connection.api.peer, Result.of_document(found.document)))
    if whole.output_error is not None:
        raise whole.output_error
    return whole.output or ""


async def _show_invocation(connection: AsyncConnection, found: InvocationInfo, *, tree: bool, as_json: bool) -> None:
    project, invocation_id = found.project_name, found.invocation_id
    if tree:
        await print_tree(connection, project, ProjectInvocation(found.document))
    elif as_json:
        print_json(found.document)
    else:
        counts = await child_counts(connection, project, invocation_id)
        failed = []
        if any(counts.get(outcome) for outcome in NOT_SUCCEEDED):
            failed = await children_of(connection, project, invocation_id, limit=_CHILDREN, outcomes=NOT_SUCCEEDED)
        show_invocation(found, counts, failed)


async def _show_batch(connection: AsyncConnection, batch_id: str, *, as_json: bool) -> None:
    batch = await find_batch(connection, batch_id)
    if as_json:
        print_json(batch.document)
        return
    counts = ", ".join(f"{count:,} {state}" for state, count in in_order(batch.counts))
    fields: list[tuple[str, object]] = [
        ("Batch", batch.batch_id),
        *_place_of(batch),
        ("Created", local_time(batch.creation_time)),
        ("Inputs", f"{batch.size:,}"),
        ("Status", "ended" if batch.status == "TERMINATED" else "running"),
        ("Of these", counts),
    ]
    if batch.cancellation_request_time is not None:
        fields.append(("Cancelled", local_time(batch.cancellation_request_time)))
    print_fields(fields)


def _place_of(batch: BatchInfo) -> Iterator[tuple[str, object]]:
    if batch.function_name is None:
        yield "Project", f"{batch.project_name}, a replay"
        return
    yield "Function", f"{batch.project_name}/{batch.function_name}"
    yield "Version", batch.version_id


async def _show_project(connection: AsyncConnection, reference: Reference, *, as_json: bool) -> None:
    project = await connection.run(connection.api.project(reference.project))
    try:
        version = await find_version(connection, reference)
    except Refused as error:
        if reference.version is not None or error.code != "VersionDoesNotExist":
            raise
        version = None
    if as_json:
        print_json({"project": project.document, "version": None if version is None else version.document})
        return
    fields = [
        ("Project", project.project_name),
        ("Created", local_time(project.creation_time)),
        ("Version", "none yet" if version is None else version.version_id),
    ]
    fields += _paused(project.document)
    if project.deletion_request_time is not None:
        fields.append(("Being deleted since", local_time(project.deletion_request_time)))
    if version is not None:
        fields.append(("Declared", local_time(version.creation_time)))
    print_fields(fields)
    if version is not None:
        _print_functions(version)


def _print_functions(version: Version) -> None:
    rows = (
        (
            f"{version.project_name}/{function.function_name}",
            _status(function),
            f"{function.resource_spec.virtual_cpus:g}",
            f"{function.resource_spec.memory_gbs:g}",
            function.resource_spec.max_concurrency,
            function.execution_spec.max_retries,
            f"{function.execution_spec.timeout_seconds} s",
        )
        for function in version.functions
    )
    print_table(_FUNCTIONS, rows)


def _status(function: FunctionInfo) -> str:
    if function.preparation_error:
        return "cannot be prepared"
    return "paused" if function.document.get("paused_since") else function.function_status.lower()


async def _show_function(connection: AsyncConnection, reference: Reference, *, as_json: bool) -> None:
    version = await find_version(connection, reference)
    function = function_of(version, reference.function)
    if as_json:
        print_json(function.document)
        return
    print_fields(_fields(function, version_id=version.version_id, project=version.project_name))


def _paused(document: dict[str, Any]) -> list[tuple[str, str]]:
    """A release before knows no pauses."""
    if document.get("paused_since") is None:
        return []
    return [("Paused", f"since {local_time(document['paused_since'])}, {paused_until(document['paused_until'])}")]


def _of_what(resources: ResourceSpec) -> str:
    """What of a function runs at once; a release before counts by version."""
    is_of_all = resources.document.get("concurrency") == "function"
    return "of all versions together" if is_of_all else "of each version"


def _fields(function: FunctionInfo, *, version_id: str, project: str) -> list[tuple[str, object]]:
    resources, executions = function.resource_spec, function.execution_spec
    fields: list[tuple[str, object]] = [
        ("Function", f"{project}/{function.function_name}"),
        ("Version", version_id),
        ("Status", function.function_status.lower()),
        *_paused(function.document),
        ("Image", function.docker_image),
        ("CPUs", f"{resources.virtual_cpus:g}"),
        ("Memory", f"{resources.memory_gbs:g} GB"),
        ("At once", f"{resources.max_concurrency} {_of_what(resources)}"),
        ("Retries", executions.max_retries),
        ("Timeout", f"{executions.timeout_seconds} s"),
    ]
    for name, field in (("Of an attempt", "attempt_timeout_seconds"), ("In the queue", "queue_timeout_seconds")):
        seconds = executions.document.get(field)
        if seconds is not None:
            fields.append((name, f"{seconds} s at most"))
    platform = {name: value for name, value in (function.document.get("platform") or {}).items() if value is not None}
    if platform:
        fields.append(("Machine", ", ".join(f"{name} {value}" for name, value in platform.items())))
    reuse = function.document.get("reuse")
    if reuse is not None:
        fields.append(("Containers", _kept(reuse)))
    fields += _on_failure(executions.document)
    if function.command is not None:
        fields.append(("Command", function.command))
    for name, field in (("Environment", "environment"), ("Secrets", "secrets")):
        variables = function.document.get(field)
        if variables:
            fields.append((name, ", ".join(sorted(variables))))
    if function.preparation_error is not None:
        fields.append(("Cannot be prepared", function.preparation_error))
    return fields


def _kept(reuse: dict[str, Any]) -> str:
    said = [f"kept for {reuse['idle_seconds']} s", f"isolated by {reuse['isolation']}"]
    if reuse["min_idle"]:
        said.insert(1, f"{reuse['min_idle']} of the newest version always")
    if reuse["max_executions"] is not None:
        said.append(f"replaced after {reuse['max_executions']:,} executions")
    return ", ".join(said)


def _on_failure(executions: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Releases before say nothing of these."""
    if executions.get("no_retry_on"):
        yield "Not retried", ", ".join(executions["no_retry_on"])
    if executions.get("retry_jitter"):
        yield "Delays", f"{executions['retry_jitter']:.0%} longer or shorter"
    if executions.get("resume_children"):
        yield "Children", "found again by the next attempt"
