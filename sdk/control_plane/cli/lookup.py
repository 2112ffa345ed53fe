"""Finds what users name, and says what there is where they name what is not there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from shlex import quote

from control_plane.access.errors import CannotBeDone
from control_plane.cli.references import Reference
from control_plane.client.callees import there_are
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.answers import BatchInfo, FunctionInfo, InvocationInfo, Version
from control_plane.protocol.paths import LATEST, batch_by_id_path

NOT_FOUND = 404


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


async def find_invocation(connection: AsyncConnection, reference: Reference) -> InvocationInfo:
    """Of the version that is named, else of any. Raises CannotBeDone if there is none."""
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
