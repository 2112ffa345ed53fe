"""Waits until the control plane can start containers of a version's functions."""

import asyncio

from control_plane.access.errors import CannotBeDone
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.reports import Report
from control_plane.protocol.answers import Version
from control_plane.protocol.paths import LATEST

_LOOK_EVERY = 0.2
_LOOK_AT_LEAST_EVERY = 2.0


async def wait_until_ready(connection: AsyncConnection, version: Version, report: Report) -> Version:
    """The version with all of its functions READY; `report` is told of each. Raises CannotBeDone if one cannot be."""
    reported: set[str] = set()
    pause = _LOOK_EVERY
    while True:
        for function in version.functions:
            if function.preparation_error is not None:
                reason = f"{function.function_name} cannot be prepared: {function.preparation_error}"
                raise CannotBeDone(f"{reason}; {await _what_stays(connection, version)}")
            if function.function_status == "READY" and function.function_name not in reported:
                reported.add(function.function_name)
                report(f"{function.function_name} is ready")
        if len(reported) == len(version.functions):
            return version
        await asyncio.sleep(pause)
        pause = min(1.2 * pause, _LOOK_AT_LEAST_EVERY)
        version = await connection.run(connection.api.version(version.project_name, version.version_id))


async def _what_stays(connection: AsyncConnection, refused: Version) -> str:
    latest = await connection.run(connection.api.version(refused.project_name, LATEST))
    if latest.version_id == refused.version_id:
        return f"version {refused.version_id} is refused, and there is no other"
    return f"version {refused.version_id} is refused, latest stays {latest.version_id}"
