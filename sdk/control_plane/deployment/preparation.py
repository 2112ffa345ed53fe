"""Waits until the control plane can start containers of a version's functions."""

import asyncio

from control_plane.access.errors import CannotBeDone
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.reports import Report
from control_plane.protocol.answers import Version

_LOOK_EVERY = 0.2
_LOOK_AT_LEAST_EVERY = 2.0


async def wait_until_ready(connection: AsyncConnection, version: Version, report: Report) -> Version:
    """The version with all of its functions READY; `report` is told of each. Raises CannotBeDone if one cannot be."""
    reported: set[str] = set()
    pause = _LOOK_EVERY
    while True:
        for function in version.functions:
            if function.preparation_error is not None:
                raise CannotBeDone(f"{function.function_name} cannot be prepared: {function.preparation_error}")
            if function.function_status == "READY" and function.function_name not in reported:
                reported.add(function.function_name)
                report(f"{function.function_name} is ready")
        if len(reported) == len(version.functions):
            return version
        await asyncio.sleep(pause)
        pause = min(1.2 * pause, _LOOK_AT_LEAST_EVERY)
        version = await connection.run(connection.api.version(version.project_name, version.version_id))
