"""The demo's work: deploy, wait, invoke, watch."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from control_plane.cli.states import state_of
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.preparation import wait_until_ready
from control_plane.deployment.reports import ignore
from control_plane.protocol.answers import InvocationInfo, ListedInvocation, Version
from control_plane.protocol.paths import escaped, function_path, invocation_path
from control_plane.protocol.states import error_of, output_of

from control_plane_server.cli.demo.definition import AT_ONCE, CHILD, PARENT, PROJECT, ROUNDS, version_definition
from control_plane_server.cli.demo.errors import DemoFailed
from control_plane_server.cli.demo.screen import View

# So many steps per child find the best tour more often than not, and keep two cores busy for about five seconds in all.
INPUT = json.dumps({"rounds": ROUNDS, "children": AT_ONCE, "steps": 300_000})
_LOOK_EVERY = 0.3
_LOG_TAIL = 20


async def deploy(connection: AsyncConnection, example: Path) -> Version:
    """Create the project and a version of it, and wait until its functions are READY."""
    definition = version_definition(example)
    version = await connection.run(connection.api.create_version(PROJECT, definition, create_project=True))
    return await wait_until_ready(connection, version, ignore)


async def solve(connection: AsyncConnection, version: Version, show: Callable[[View], None]) -> InvocationInfo:
    """Invoke the parent and show the work until it is done. Raises DemoFailed if it does not succeed."""
    parent = await connection.run(connection.api.submit(_function(version, PARENT), INPUT))
    seen: dict[str, InvocationInfo] = {}
    while True:
        parent = await connection.run(connection.api.invocation(invocation_path(parent.document)))
        show(View(parent=parent, children=await _children(connection, parent, seen)))
        if output_of(parent.document) is not None:
            return parent
        if parent.invocation_status == "TERMINATED":
            raise DemoFailed(await _describe_failure(connection, parent))
        await asyncio.sleep(_LOOK_EVERY)


async def _children(
    connection: AsyncConnection, parent: InvocationInfo, seen: dict[str, InvocationInfo]
) -> tuple[InvocationInfo, ...]:
    """In the order in which they were first seen. Asks only for those that may have changed; the first page will do."""
    function = function_path(parent.project_name, parent.version_id, CHILD)
    query = {"parent_function_name": parent.function_name, "parent_invocation_id": parent.invocation_id}
    page = await connection.run(connection.api.function_invocations(function, query))
    for listed in reversed(page.invocations):
        known = seen.get(listed.invocation_id)
        # The parent has its child's result a moment before the child's container is gone and the list says so.
        if known is None or _may_differ(known, listed) or output_of(parent.document) is not None:
            path = f"{function}/invocations/{escaped(listed.invocation_id)}"
            seen[listed.invocation_id] = await connection.run(connection.api.invocation(path))
    return tuple(seen.values())


def _may_differ(known: InvocationInfo, listed: ListedInvocation) -> bool:
    """Whether it is worth a request: what runs stays as it is until the list says that it has ended."""
    return known.invocation_status != listed.invocation_status or state_of(known) in ("queued", "starting")


def _function(version: Version, name: str) -> str:
    return function_path(version.project_name, version.version_id, name)


async def _describe_failure(connection: AsyncConnection, invocation: InvocationInfo) -> str:
    tail: list[str] = []
    if invocation.latest is not None:
        path = invocation_path(invocation.document)
        page = await connection.run(connection.api.logs(path, invocation.latest.execution_id))
        tail = page.log_lines[-_LOG_TAIL:]
    error = error_of(invocation.document) or "it ended without a word"
    return "\n".join([f"{invocation.function_name} {invocation.invocation_id} failed: {error}", *tail])
