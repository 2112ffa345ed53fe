"""Versions as they are declared."""

import re
from typing import Any

from control_plane.access.errors import CannotBeDone
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.answers import Version

_FIELD = re.compile(r"functions\.(\d+)\.(?:[\w.]*: )?")
_INVALID = 422


def definition_again(version: Version) -> dict[str, Any]:
    """What declares the same functions on the same images once more."""
    default = version.functions[0].docker_image if version.functions else ""
    kept = (
        *("function_name", "resource_spec", "execution_spec", "command", "signature"),
        *("environment", "secrets", "platform", "reuse", "schedules"),
    )
    functions = []
    for function in version.functions:
        override = None if function.docker_image == default else function.docker_image
        fields = {name: value for name, value in function.document.items() if name in kept}
        functions.append(fields | {"docker_image_override": override})
    return {"default_docker_image": default, "functions": functions}


async def declare(
    connection: AsyncConnection, project: str, definition: dict[str, Any], *, create_project: bool = False
) -> Version:
    """The new version, with its project if need be. Raises CannotBeDone; where a function is at fault, it is named."""
    try:
        return await connection.run(connection.api.create_version(project, definition, create_project=create_project))
    except Refused as error:
        field = _FIELD.match(error.detail)
        if error.status != _INVALID or field is None:
            raise
        name = definition["functions"][int(field[1])]["function_name"]
        raise CannotBeDone(f"function {name!r}: {error.detail[field.end() :]}") from error
