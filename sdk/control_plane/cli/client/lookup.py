"""Finds what users name, and says what there is where they name what is not there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from control_plane.cli.client.answers import Invocation
from control_plane.cli.client.client import Client
from control_plane.cli.client.errors import NotFound
from control_plane.cli.client.references import LATEST, FunctionPath, InvocationPath, Reference
from control_plane.cli.exits import CommandFailed
from control_plane_server.domain.errors import (
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    ProjectDoesNotExist,
    VersionDoesNotExist,
)

_NO_PROJECT = ProjectDoesNotExist.default_message()
_NO_VERSION = VersionDoesNotExist.default_message()
_NO_FUNCTION = FunctionDoesNotExist.default_message()
_ELSEWHERE = (_NO_FUNCTION, InvocationDoesNotExist.default_message())
_MOST_NAMES = 20


@asynccontextmanager
async def explained(client: Client, reference: Reference) -> AsyncIterator[None]:
    """Within it, a NotFound becomes one line that names what is missing and what there is."""
    try:
        yield
    except NotFound as error:
        raise CommandFailed(await _explanation(client, reference, error.detail)) from error


def function_path(reference: Reference) -> FunctionPath:
    """Of a reference that has a function."""
    assert reference.function is not None
    return FunctionPath(project=reference.project, version=reference.version or LATEST, function=reference.function)


def path_of(invocation: Invocation) -> InvocationPath:
    function = FunctionPath(
        project=invocation.project_name, version=invocation.version_id, function=invocation.function_name
    )
    return InvocationPath(function=function, invocation_id=invocation.invocation_id)


def reference_of(invocation: Invocation) -> Reference:
    return Reference(
        project=invocation.project_name, function=invocation.function_name, invocation=invocation.invocation_id
    )


async def find_invocation(client: Client, reference: Reference) -> Invocation:
    """Of the version that is named, else of any. Raises CommandFailed if there is none."""
    assert reference.invocation is not None
    with suppress(NotFound):
        found = await client.invocation_by_id(reference.invocation)
        if _is_meant(reference, found):
            return found
    async with explained(client, reference):  # says what of it is not there
        return await client.invocation(
            InvocationPath(function=function_path(reference), invocation_id=reference.invocation)
        )


def _is_meant(reference: Reference, found: Invocation) -> bool:
    return (
        reference.project == found.project_name
        and reference.version in (None, found.version_id)
        and reference.function == found.function_name
    )


async def _explanation(client: Client, reference: Reference, detail: str) -> str:
    project = reference.project
    if detail == _NO_PROJECT:
        names = [found.project_name for found in (await client.projects()).projects]
        return f"there is no project {project!r}; " + _there_are(
            names, otherwise="make one with: control-plane deploy DIR"
        )
    if detail == _NO_VERSION and reference.version is None:
        return f"project {project!r} has no version yet; make one with: control-plane deploy DIR --project {project}"
    if detail == _NO_VERSION:
        what = f"project {project!r} has no version {reference.version!r}"
        return f"{what}; list them with: control-plane versions {project}"
    if detail == _NO_FUNCTION:
        version = await client.version(project, reference.version or LATEST)
        names = [function.function_name for function in version.functions]
        return f"project {project!r} has no function {reference.function!r}; " + _there_are(
            names, otherwise="it has none at all"
        )
    if detail in _ELSEWHERE:
        function = f"{project}/{reference.function}"
        return (
            f"function {function} has no invocation {reference.invocation!r}; "
            f"list them with: control-plane list {function}"
        )
    return f"{reference}: {detail}"


def _there_are(names: list[str], *, otherwise: str) -> str:
    if not names:
        return otherwise
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"there {'is' if len(names) == 1 else 'are'}: {', '.join(names[:_MOST_NAMES])}{more}"
