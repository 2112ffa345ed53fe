"""The demo's work: deploy, wait, invoke, watch."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from cli.demo.answers import Invocation, Version
from cli.demo.client import ProjectClient
from cli.demo.definition import AT_ONCE, CHILD, PARENT, ROUNDS, version_definition
from cli.demo.errors import DemoFailed
from cli.demo.screen import View

# So many steps per child keep two cores busy for about ten seconds in all.
INPUT = json.dumps({"rounds": ROUNDS, "children": AT_ONCE, "steps": 600_000})
_LOOK_EVERY = 0.3
_LOG_TAIL = 20


async def deploy(client: ProjectClient, example: Path) -> Version:
    """Create the project and a version of it, and wait until its functions are READY."""
    await client.create()
    version = await client.deploy(version_definition(example))
    while any(function.function_status != "READY" for function in version.functions):
        for function in version.functions:
            if function.preparation_error is not None:
                raise DemoFailed(f"{function.function_name} cannot be prepared: {function.preparation_error}")
        await asyncio.sleep(_LOOK_EVERY)
        version = await client.version()
    return version


async def solve(client: ProjectClient, show: Callable[[View], None]) -> Invocation:
    """Invoke the parent and show the work until it is done. Raises DemoFailed if it does not succeed."""
    parent = await client.invoke(PARENT, INPUT)
    seen: dict[str, Invocation] = {}
    while True:
        parent = await client.invocation(PARENT, parent.invocation_id)
        show(View(parent=parent, children=await _children(client, parent, seen)))
        if parent.has_succeeded:
            return parent
        if parent.invocation_status == "TERMINATED":
            raise DemoFailed(await _obituary(client, parent))
        await asyncio.sleep(_LOOK_EVERY)


async def _children(client: ProjectClient, parent: Invocation, seen: dict[str, Invocation]) -> tuple[Invocation, ...]:
    """In the order in which they were first seen. Asks only for those that may have changed."""
    for listed in reversed(await client.children(CHILD, parent)):
        known = seen.get(listed.invocation_id)
        # The parent has its child's result a moment before the child's container is gone and the list says so.
        if known is None or known.may_differ_from(listed) or parent.has_succeeded:
            seen[listed.invocation_id] = await client.invocation(CHILD, listed.invocation_id)
    return tuple(seen.values())


async def _obituary(client: ProjectClient, invocation: Invocation) -> str:
    error = invocation.latest.error_message if invocation.latest else None
    tail = (await client.logs(invocation))[-_LOG_TAIL:]
    lines = [
        f"{invocation.function_name} {invocation.invocation_id} failed: {error or 'it ended without a word'}",
        *tail,
    ]
    return "\n".join(lines)
