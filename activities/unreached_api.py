"""A container that could not reach the API says so by its exit code, and spends no attempt of the user's. Code of
users, which has not run by then, may end with the same code later.

Where others of the project have found the API lately, it is away, which passes: such a container is one that failed to
start, and is replaced. Else its address is wrong, which only an operator can repair.
"""

import asyncio
from dataclasses import replace

from control_plane.protocol.bounds import API_WAS_NOT_REACHED

from activities.container_launcher import LaunchTools
from control_plane_server.catalog.api_contacts import ApiContactRepository
from control_plane_server.catalog.execution_lifecycle.launches import LaunchRepository
from control_plane_server.domain.containers import Container, ContainerExit, ExitCause, LogStart
from control_plane_server.domain.errors import ControlPlaneError
from control_plane_server.domain.messages import RunExecutionRequest

_WHAT_IT_WAS = "This container could not reach MULTINODE_API_URL"
_LAST_LINES = 20
_LOG_SECONDS = 10.0


async def told_apart(
    found: ContainerExit, container: Container, request: RunExecutionRequest, tools: LaunchTools
) -> ContainerExit:
    """The exit as it was found, or LOST or MISCONFIGURED with the container's own words. Raises Unavailable."""
    if found.cause is not ExitCause.EXITED or found.exit_code != API_WAS_NOT_REACHED:
        return found
    async with tools.database.statement() as connection:
        state = await LaunchRepository(connection).state(request.execution_id, invocation_id=request.invocation_id)
        if state.running_for is not None or state.has_reported or state.must_stop:
            return found
        passes = await ApiContactRepository(connection).neighbour_succeeded_lately(request.invocation_id)
    said = await _said(container, tools)
    reason = said or f"{_WHAT_IT_WAS} and ended with exit code {API_WAS_NOT_REACHED}; its log says why"
    if passes:
        return replace(found, cause=ExitCause.LOST, reason=reason, failed_to_start=True, ran_for=None)
    return replace(found, cause=ExitCause.MISCONFIGURED, reason=reason)


async def _said(container: Container, tools: LaunchTools) -> str | None:
    """What the program wrote, if its log can be read by now."""
    try:
        async with asyncio.timeout(_LOG_SECONDS):
            page = await tools.provisioner.read_logs(
                container.details, None, _LAST_LINES, start=LogStart(tail=_LAST_LINES)
            )
    except (ControlPlaneError, TimeoutError):
        return None
    return next((line for line in reversed(page.lines) if line.startswith(_WHAT_IT_WAS)), None)
