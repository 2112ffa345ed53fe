"""The demo's work: deploy, wait, invoke, watch."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from control_plane.cli.client.answers import Invocation, ListedInvocation, Version
from control_plane.cli.client.client import Client
from control_plane.cli.client.lookup import path_of
from control_plane.cli.client.references import FunctionPath, InvocationPath
from control_plane.cli.client.states import error_of, state_of
from control_plane.deployment.preparation import wait_until_ready

from control_plane_server.cli.demo.definition import AT_ONCE, CHILD, PARENT, PROJECT, ROUNDS, version_definition
from control_plane_server.cli.demo.errors import DemoFailed
from control_plane_server.cli.demo.screen import View

# So many steps per child find the best tour more often than not, and keep two cores busy for about five seconds in all.
INPUT = json.dumps({"rounds": ROUNDS, "children": AT_ONCE, "steps": 300_000})
_LOOK_EVERY = 0.3
_LOG_TAIL = 20


async def deploy(client: Client, example: Path) -> Version:
    """Create the project and a version of it, and wait until its functions are READY."""
    await client.ensure_project(PROJECT)
    version = await client.create_version(PROJECT, version_definition(example))
    return await wait_until_ready(client, version, report=lambda line: None)


async def solve(client: Client, version: Version, show: Callable[[View], None]) -> Invocation:
    """Invoke the parent and show the work until it is done. Raises DemoFailed if it does not succeed."""
    parent = await client.invoke(_function(version, PARENT), INPUT)
    seen: dict[str, Invocation] = {}
    while True:
        parent = await client.invocation(path_of(parent))
        show(View(parent=parent, children=await _children(client, parent, seen)))
        if parent.has_succeeded:
            return parent
        if parent.invocation_status == "TERMINATED":
            raise DemoFailed(await _describe_failure(client, parent))
        await asyncio.sleep(_LOOK_EVERY)


async def _children(client: Client, parent: Invocation, seen: dict[str, Invocation]) -> tuple[Invocation, ...]:
    """In the order in which they were first seen. Asks only for those that may have changed; the first page will do."""
    function = replace(path_of(parent).function, function=CHILD)
    page = await client.invocations(
        function, parent_function_name=parent.function_name, parent_invocation_id=parent.invocation_id
    )
    for listed in reversed(page.invocations):
        known = seen.get(listed.invocation_id)
        # The parent has its child's result a moment before the child's container is gone and the list says so.
        if known is None or _may_differ(known, listed) or parent.has_succeeded:
            path = InvocationPath(function=function, invocation_id=listed.invocation_id)
            seen[listed.invocation_id] = await client.invocation(path)
    return tuple(seen.values())


def _may_differ(known: Invocation, listed: ListedInvocation) -> bool:
    """Whether it is worth a request: what runs stays as it is until the list says that it has ended."""
    return known.invocation_status != listed.invocation_status or state_of(known) in ("queued", "starting")


def _function(version: Version, name: str) -> FunctionPath:
    return FunctionPath(project=version.project_name, version=version.version_id, function=name)


async def _describe_failure(client: Client, invocation: Invocation) -> str:
    tail: list[str] = []
    if invocation.latest is not None:
        page = await client.logs(path_of(invocation), invocation.latest.execution_id)
        tail = page.log_lines[-_LOG_TAIL:]
    error = error_of(invocation) or "it ended without a word"
    return "\n".join([f"{invocation.function_name} {invocation.invocation_id} failed: {error}", *tail])
