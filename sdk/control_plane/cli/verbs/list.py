"""`control-plane list`: projects, the functions of one, or the invocations of a function."""

from typing import Annotated

import typer

from control_plane.access.resolution import find_server
from control_plane.cli.client.answers import ListedInvocation
from control_plane.cli.client.client import Client
from control_plane.cli.client.lookup import explained
from control_plane.cli.client.newest import newest_invocations
from control_plane.cli.client.references import LATEST, FunctionPath, Reference, parse
from control_plane.cli.output import local_time, print_json, print_table
from control_plane.cli.running import run
from control_plane.cli.verbs.options import ApiUrl, Json


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
    async with Client(find_server(api_url)) as client:
        if reference is None:
            await _list_projects(client, as_json=as_json)
            return
        async with explained(client, reference):
            if reference.function is None:
                await _list_functions(client, reference, as_json=as_json)
            else:
                await _list_invocations(client, reference, limit=limit, as_json=as_json)


async def _list_projects(client: Client, *, as_json: bool) -> None:
    answer = await client.projects()
    if as_json:
        print_json(answer.document())
        return
    rows = (
        (project.project_name, local_time(project.creation_time), "being deleted" * bool(project.deletion_request_time))
        for project in answer.projects
    )
    print_table(("PROJECT", "CREATED", ""), rows)


async def _list_functions(client: Client, reference: Reference, *, as_json: bool) -> None:
    version = await client.version(reference.project, reference.version or LATEST)
    if as_json:
        print_json(version.document())
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


async def _list_invocations(client: Client, reference: Reference, *, limit: int, as_json: bool) -> None:
    found = await _newest(client, reference, limit=limit)
    if as_json:
        print_json({"invocations": [invocation.document() | {"version_id": version} for version, invocation in found]})
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


async def _newest(client: Client, reference: Reference, *, limit: int) -> list[tuple[str, ListedInvocation]]:
    """With their versions."""
    assert reference.function is not None
    if reference.version is not None:
        versions = [reference.version]
    else:
        versions = [version.version_id for version in (await client.versions(reference.project)).versions]
    paths = [
        FunctionPath(project=reference.project, version=version, function=reference.function) for version in versions
    ]
    return await newest_invocations(client, paths, limit=limit)


def _state(invocation: ListedInvocation) -> str:
    """How it ended, the list does not say."""
    if invocation.invocation_status == "TERMINATED":
        return "ended"
    return "running" if invocation.cancellation_request_time is None else "cancelling"
