"""Finds what users name, and says what there is where they name what is not there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from shlex import quote

from control_plane.access.errors import CannotBeDone
from control_plane.cli.last_made import last_made
from control_plane.cli.references import LAST, Reference, is_invocation_id, is_whole
from control_plane.client.callees import there_are
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.answers import BatchInfo, FunctionInfo, InvocationInfo, Version
from control_plane.protocol.paths import LATEST, Query, batch_by_id_path, project_path

NOT_FOUND = 404
_AT_ONCE = 10
_MOST_SHOWN = 5
_LIST_THEM = "list them with: control-plane list PROJECT"


@asynccontextmanager
async def explained(connection: AsyncConnection, reference: Reference) -> AsyncIterator[None]:
    """Within it, a refusal of what is not there becomes one line that names what is missing and what there is."""
    try:
        yield
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        raise CannotBeDone(await _explanation(connection, reference, error)) from error


async def find_version(connection: AsyncConnection, reference: Reference) -> Version:
    """The one that is named, else the newest."""
    return await connection.run(connection.api.version(reference.project, reference.version or LATEST))


def function_of(version: Version, name: str | None) -> FunctionInfo:
    """Raises Refused as the API does."""
    for function in version.functions:
        if function.function_name == name:
            return function
    raise Refused(NOT_FOUND, "FunctionDoesNotExist", f"there is no function {name!r}")


def meant(connection: AsyncConnection, what: str) -> str:
    """What a user has written, for `-` what this terminal has made last. Raises CannotBeDone if that is nothing, or
    several batches."""
    made = all_meant(connection, what)
    if len(made) > 1:
        raise CannotBeDone(f"the last run has made several batches, name one: {', '.join(made)}")
    return made[0]


def all_meant(connection: AsyncConnection, what: str) -> list[str]:
    """As `meant`, where all batches of a run can be meant. Raises CannotBeDone if this terminal has made nothing."""
    made = last_made(api_url=connection.server.api_url) if what == LAST else [what]
    if not made:
        raise CannotBeDone(
            f"this terminal has made no invocation on {connection.server.api_url} yet; name one by its id"
        )
    return made


async def find_invocation(connection: AsyncConnection, reference: Reference | str) -> InvocationInfo:
    """Of the version that is named, else of any; or by its id or the beginning of that, in whatever project it is.

    Raises CannotBeDone if there is none, or more than one.
    """
    if isinstance(reference, str):
        return await _find_by_id(connection, reference)
    assert reference.invocation is not None
    if is_invocation_id(reference.invocation) and not is_whole(reference.invocation):
        ids = await _beginning_with(connection, reference.project, reference.invocation)
        if ids:
            reference = replace(reference, invocation=_only(ids, reference.invocation))
    assert reference.invocation is not None
    with suppress(Refused):
        found = await connection.run(connection.api.invocation_by_id(reference.invocation))
        if _is_meant(reference, found):
            return found
    async with explained(connection, reference):  # says what of it is not there
        return await connection.run(connection.api.invocation(reference.invocation_path))


async def find_batch(connection: AsyncConnection, batch_id: str) -> BatchInfo:
    """Raises CannotBeDone if there is none."""
    try:
        return await connection.run(connection.api.batch(batch_by_id_path(batch_id)))
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        raise CannotBeDone(f"there is no batch {batch_id}") from error


async def _find_by_id(connection: AsyncConnection, invocation_id: str) -> InvocationInfo:
    whole = invocation_id
    if not is_whole(invocation_id):
        gate = asyncio.Semaphore(_AT_ONCE)

        async def look(project: str) -> list[str]:
            async with gate:
                return await _beginning_with(connection, project, invocation_id)

        projects = (await connection.run(connection.api.projects())).projects
        found = await asyncio.gather(*(look(project.project_name) for project in projects))
        whole = _only([one for ids in found for one in ids], invocation_id)
    try:
        return await connection.run(connection.api.invocation_by_id(whole))
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        raise CannotBeDone(f"there is no invocation {invocation_id}; {_LIST_THEM}") from error


async def _beginning_with(connection: AsyncConnection, project: str, prefix: str) -> list[str]:
    """Ids of a project's invocations; not all, if they are many. A release before does not know this filter."""
    query: Query = {"id_prefix": prefix, "max_results": _MOST_SHOWN}
    try:
        page = await connection.run(connection.api.get(project_path(project) + "/invocations", query))
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        return []  # it was deleted meanwhile
    ids = [str(document["invocation_id"]) for document in page["invocations"]]
    return [found for found in ids if found.startswith(prefix)]


def _only(found: Sequence[str], prefix: str) -> str:
    """Raises CannotBeDone."""
    if not found:
        raise CannotBeDone(f"there is no invocation whose id begins with {prefix}; {_LIST_THEM}")
    if len(found) > 1:
        raise CannotBeDone(f"{prefix} is the beginning of several ids, write more of it: {', '.join(found)}")
    return found[0]


def _is_meant(reference: Reference, found: InvocationInfo) -> bool:
    return (
        reference.project == found.project_name
        and reference.version in (None, found.version_id)
        and reference.function == found.function_name
    )


async def _explanation(connection: AsyncConnection, reference: Reference, error: Refused) -> str:
    project = reference.project
    if error.code == "ProjectDoesNotExist":
        answer = await connection.run(connection.api.projects())
        names = [found.project_name for found in answer.projects]
        known = there_are(names, meant=project, otherwise="make one with: control-plane deploy DIR")
        return f"there is no project {project!r}; {known}"
    if error.code == "VersionDoesNotExist" and reference.version is None:
        making = f"control-plane deploy DIR --project {quote(project)}"
        return f"project {project!r} has no version yet; make one with: {making}"
    if error.code == "VersionDoesNotExist":
        what = f"project {project!r} has no version {reference.version!r}"
        return f"{what}; list them with: control-plane versions {quote(project)}"
    if error.code == "FunctionDoesNotExist" and reference.invocation is None:
        version = await find_version(connection, reference)
        names = [function.function_name for function in version.functions]
        known = there_are(names, meant=reference.function or "", otherwise="it has none at all")
        return f"project {project!r} has no function {reference.function!r}; {known}"
    if error.code in ("FunctionDoesNotExist", "InvocationDoesNotExist"):
        function = f"{project}/{reference.function}"
        return (
            f"function {function} has no invocation {reference.invocation!r}; "
            f"list them with: control-plane list {quote(str(function))}"
        )
    return f"{reference}: {error.detail}"
