"""`control-plane list`: projects, the functions of one, or the invocations of a function."""

from typing import Annotated

import typer

from control_plane.cli.lookup import explained, find_version
from control_plane.cli.newest import newest_invocations
from control_plane.cli.output import local_time, print_json, print_table
from control_plane.cli.references import Reference, parse
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.states import in_words
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.answers import ListedInvocation


def list_(
    what: Annotated[str | None, typer.Argument(metavar="[PROJECT[/FUNCTION]]")] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Of invocations.")] = 50,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List projects; or a project's functions; or a function's invocations, of all versions, newest first."""
    run(_list(None if what is None else parse(what, parts=2), limit=limit, api_url=api_url, as_json=as_json))


async def _list(reference: Reference | None, *, limit: int, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        if reference is None:
            await _list_projects(connection, as_json=as_json)
            return
        async with explained(connection, reference):
            if reference.function is None:
                await _list_functions(connection, reference, as_json=as_json)
            else:
                await _list_invocations(connection, reference, limit=limit, as_json=as_json)


async def _list_projects(connection: AsyncConnection, *, as_json: bool) -> None:
    answer = await connection.run(connection.api.projects())
    if as_json:
        print_json(answer.document)
        return
    rows = (
        (project.project_name, local_time(project.creation_time), "being deleted" * bool(project.deletion_request_time))
        for project in answer.projects
    )
    print_table(("PROJECT", "CREATED", ""), rows)


async def _list_functions(connection: AsyncConnection, reference: Reference, *, as_json: bool) -> None:
    version = await find_version(connection, reference)
    if as_json:
        print_json(version.document)
        return
    rows = (
        (
            f"{version.project_name}/{function.function_name}",
            "cannot be prepared" if function.preparation_error else function.function_status.lower(),
            f"{function.resource_spec.virtual_cpus:g}",
            f"{function.resource_spec.memory_gbs:g}",
            function.resource_spec.max_concurrency,
            function.execution_spec.max_retries,
            f"{function.execution_spec.timeout_seconds} s",
        )
        for function in version.functions
    )
    print_table(("FUNCTION", "STATUS", "CPUS", "GB", "AT ONCE", "RETRIES", "TIMEOUT"), rows)


async def _list_invocations(connection: AsyncConnection, reference: Reference, *, limit: int, as_json: bool) -> None:
    found = await _newest(connection, reference, limit=limit)
    if as_json:
        print_json({"invocations": [invocation.document | {"version_id": version} for version, invocation in found]})
        return
    rows = (
        (
            f"{reference.project}/{reference.function}/{invocation.invocation_id}",
            _state(invocation),
            local_time(invocation.creation_time),
        )
        for _, invocation in found
    )
    print_table(("INVOCATION", "STATUS", "CREATED"), rows)


async def _newest(
    connection: AsyncConnection, reference: Reference, *, limit: int
) -> list[tuple[str, ListedInvocation]]:
    """With their versions."""
    assert reference.function is not None
    if reference.version is not None:
        versions = [reference.version]
    else:
        versions = [
            version.version_id
            for version in (await connection.run(connection.api.versions(reference.project))).versions
        ]
    return await newest_invocations(connection, reference.project, reference.function, versions, limit=limit)


def _state(invocation: ListedInvocation) -> str:
    """Of an earlier release, the list does not say how it ended."""
    if invocation.invocation_status == "TERMINATED":
        return "ended" if invocation.outcome is None else in_words(invocation.outcome)
    return "running" if invocation.cancellation_request_time is None else "cancelling"
