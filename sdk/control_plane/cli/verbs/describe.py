"""`control-plane describe`: all there is to know about a project, a function or an invocation."""

from typing import Annotated

import typer

from control_plane.cli.lookup import explained, find_batch, find_invocation, find_version, function_of
from control_plane.cli.output import local_time, print_fields, print_json, print_table
from control_plane.cli.references import Reference, is_batch, parse, reference_of
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.states import in_words, state_of
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.answers import FunctionInfo, InvocationInfo
from control_plane.protocol.states import error_of, output_of

_SHOWN = 2_000


def describe(
    what: Annotated[str, typer.Argument(metavar="PROJECT[/FUNCTION[/INVOCATION]]|BATCH")],
    *,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Show a project with its newest version, a function, an invocation with its attempts, or how far a batch is."""
    if is_batch(what):
        run(_describe_batch(what, api_url=api_url, as_json=as_json))
    else:
        run(_describe(parse(what), api_url=api_url, as_json=as_json))


async def _describe_batch(batch_id: str, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        batch = await find_batch(connection, batch_id)
    if as_json:
        print_json(batch.document)
        return
    counts = ", ".join(f"{count:,} {in_words(name)}" for name, count in batch.counts.items() if count)
    fields: list[tuple[str, object]] = [
        ("Batch", batch.batch_id),
        ("Function", f"{batch.project_name}/{batch.function_name}"),
        ("Version", batch.version_id),
        ("Created", local_time(batch.creation_time)),
        ("Inputs", f"{batch.size:,}"),
        ("Status", "ended" if batch.status == "TERMINATED" else "running"),
        ("Of these", counts),
    ]
    if batch.cancellation_request_time is not None:
        fields.append(("Cancelled", local_time(batch.cancellation_request_time)))
    print_fields(fields)


async def _describe(reference: Reference, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        if reference.invocation is not None:
            _show_invocation(await find_invocation(connection, reference), as_json=as_json)
            return
        async with explained(connection, reference):
            if reference.function is None:
                await _show_project(connection, reference, as_json=as_json)
            else:
                await _show_function(connection, reference, as_json=as_json)


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
    if project.deletion_request_time is not None:
        fields.append(("Being deleted since", local_time(project.deletion_request_time)))
    if version is not None:
        fields.append(("Declared", local_time(version.creation_time)))
        fields += [("Function", f"{project.project_name}/{function.function_name}") for function in version.functions]
    print_fields(fields)


async def _show_function(connection: AsyncConnection, reference: Reference, *, as_json: bool) -> None:
    version = await find_version(connection, reference)
    function = function_of(version, reference.function)
    if as_json:
        print_json(function.document)
        return
    print_fields(_fields(function, version_id=version.version_id, project=version.project_name))


def _fields(function: FunctionInfo, *, version_id: str, project: str) -> list[tuple[str, object]]:
    resources, executions = function.resource_spec, function.execution_spec
    fields: list[tuple[str, object]] = [
        ("Function", f"{project}/{function.function_name}"),
        ("Version", version_id),
        ("Status", function.function_status.lower()),
        ("Image", function.docker_image),
        ("CPUs", f"{resources.virtual_cpus:g}"),
        ("Memory", f"{resources.memory_gbs:g} GB"),
        ("At once", resources.max_concurrency),
        ("Retries", executions.max_retries),
        ("Timeout", f"{executions.timeout_seconds} s"),
    ]
    if function.command is not None:
        fields.append(("Command", function.command))
    if function.preparation_error is not None:
        fields.append(("Cannot be prepared", function.preparation_error))
    return fields


def _show_invocation(invocation: InvocationInfo, *, as_json: bool) -> None:
    if as_json:
        print_json(invocation.document)
        return
    fields: list[tuple[str, object]] = [
        ("Invocation", reference_of(invocation)),
        ("Version", invocation.version_id),
        ("Status", state_of(invocation)),
        ("Created", local_time(invocation.creation_time)),
        ("Input", _shortened(invocation.input)),
    ]
    if invocation.invocation_status == "TERMINATED":
        fields.append(("Ended", local_time(invocation.last_update_time)))
    output = output_of(invocation.document)
    if output is not None:
        fields.append(("Result", _shortened(output)))
    elif (error := error_of(invocation.document)) is not None:
        fields.append(("Error", error))
    elif invocation.latest is not None and invocation.latest.output is not None:
        fields.append(("Progress", _shortened(invocation.latest.output)))
    print_fields(fields)
    rows = (
        (
            f"{number} of {invocation.execution_spec.max_retries + 1}",
            execution.execution_id,
            (execution.outcome or execution.worker_status).lower(),
            local_time(execution.execution_start_time),
            (execution.error_message or "").partition("\n")[0],
        )
        for number, execution in enumerate(invocation.executions, start=1)
    )
    print_table(("ATTEMPT", "EXECUTION", "STATUS", "STARTED", "ERROR"), rows)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters; all of it with --json)"
