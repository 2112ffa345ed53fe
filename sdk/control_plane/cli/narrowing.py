"""Of which project the invocations are that options narrow, and what the API is asked for."""

from collections.abc import Sequence
from dataclasses import replace

from control_plane.cli.default_project import default_project
from control_plane.cli.lookup import find_batch, find_invocation, meant
from control_plane.cli.references import Reference, parse_invocation
from control_plane.client.connections import AsyncConnection

# A query of the list of a project's invocations.
Filters = dict[str, str | float | Sequence[str] | None]


async def placed(
    connection: AsyncConnection,
    reference: Reference | None,
    filters: Filters,
    *,
    parent: str | None,
    takes_default: bool = True,
) -> Reference | None:
    """The project, with function and version if they are named, which the filters then have, too. Without a reference
    the project is that of the parent or the batch; else, if `takes_default`, the one that is meant where none is named.
    None: there is none.

    Raises CannotBeDone if the parent or the batch does not exist.
    """
    if parent is not None:
        found = await find_invocation(connection, parse_invocation(meant(connection, parent)))
        filters["parent_invocation_id"] = found.invocation_id
        reference = reference or Reference(project=found.project_name)
    if reference is None and filters["batch_id"] is not None:
        of_batch = await find_batch(connection, str(filters["batch_id"]))
        reference = Reference(project=of_batch.project_name)
    if reference is None and takes_default:
        reference = await default_project(connection)
    if reference is None:
        return None
    reference = replace(
        reference,
        function=reference.function or _text(filters["function_name"]),
        version=reference.version or _text(filters["version_id"]),
    )
    filters |= {"function_name": reference.function, "version_id": reference.version}
    return reference


def _text(value: object) -> str | None:
    return None if value is None else str(value)
