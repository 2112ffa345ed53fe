"""`control-plane dev`: the embedded stack in the foreground."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.access.local_stacks import DEFAULT_DATA_DIR, StackAccess, resolved
from control_plane.access.resolution import find_url
from control_plane.cli.output import fail, note, print_json, print_text
from control_plane.cli.signals import StopRequested, StopSignals
from control_plane.cli.verbs.options import Json
from control_plane.deployment.deploying import ensure_addressable

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.hot_reload import keep_deployed
from control_plane_server.cli.stack.options import (
    DEFAULT_PORT,
    DEFAULT_TEMPORAL_PORT,
    DEFAULT_TEMPORAL_UI_PORT,
    StackOptions,
)
from control_plane_server.cli.stack.stack import EmbeddedStack
from control_plane_server.provisioners.process.memory_groups import can_limit_memory
from environment.provisioner_names import ProvisionerName


def dev(
    *,
    data_dir: Annotated[Path, typer.Option(help="Keeps databases, logs and containers.")] = DEFAULT_DATA_DIR,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the API.")] = DEFAULT_PORT,
    temporal_port: Annotated[int, typer.Option(min=1, max=65535, help="Of Temporal.")] = DEFAULT_TEMPORAL_PORT,
    temporal_ui_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Of Temporal's Web UI.")
    ] = DEFAULT_TEMPORAL_UI_PORT,
    provisioner: Annotated[
        ProvisionerName, typer.Option(help="What runs the containers: process, docker or ecs.")
    ] = ProvisionerName.PROCESS,
    wait_for_jobs: Annotated[
        bool, typer.Option("--wait-for-jobs", help="Ctrl-C waits until nothing runs; a second one does not.")
    ] = False,
    watch: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Deploy this folder, and again whenever it changes.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run PostgreSQL, Temporal with its Web UI, the loop and the API on this machine until Ctrl-C.

    What runs then is interrupted and launched again at the next start, which costs no attempt. Containers on a Docker
    engine go on, and the next start finds them.

    Where TEMPORAL_ADDRESS or POSTGRES_HOST is set, that server is used instead of the embedded one.
    """
    options = StackOptions(
        data_dir=data_dir,
        port=port,
        temporal_port=temporal_port,
        temporal_ui_port=temporal_ui_port,
        provisioner=provisioner,
    )
    folders = list(dict.fromkeys(folder.expanduser().resolve() for folder in watch or ()))
    for folder in folders:
        if [other.name for other in folders].count(folder.name) > 1:
            raise WrongUsage(f"two folders to watch are called {folder.name}, and would be one project; rename one")
        if not folder.is_dir():
            raise WrongUsage(f"there is no folder {folder} to watch; name the one that holds your functions")
        ensure_addressable(folder.name, hint="")
    try:
        asyncio.run(_run(options, folders, wait_for_jobs=wait_for_jobs, as_json=as_json))
    except StackError as error:
        fail(str(error))
        raise typer.Exit(1) from error


async def _run(options: StackOptions, folders: Sequence[Path], *, wait_for_jobs: bool, as_json: bool) -> None:
    stack = EmbeddedStack(options, note)
    with StopSignals() as signals:
        note("Starting PostgreSQL, Temporal, loop and api …")
        try:
            access = await signals.interrupting(stack.start())
        except StopRequested:
            return
        if as_json:
            print_json(asdict(access))
        else:
            _show(access, options)
        if options.provisioner is ProvisionerName.PROCESS and not await asyncio.to_thread(can_limit_memory):
            note("Memory limits of functions are not enforced: this user may make no control groups here.")
        elsewhere = _what_others_find(access)
        if elsewhere is not None:
            note(elsewhere)
        note("Ready. Ctrl-C stops it.")
        data_dir = await asyncio.to_thread(resolved, options.data_dir)
        watching = [asyncio.create_task(keep_deployed(access, folder, data_dir=data_dir)) for folder in folders]
        await signals.stop.wait()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        if wait_for_jobs:
            note("Waiting for what runs; once more to interrupt it …")
            await stack.wait_until_idle(signals.hurry)
        note("Stopping; once more to hurry …")
        await stack.stop(signals.hurry)


def _what_others_find(access: StackAccess) -> str | None:
    """What is to be said where other verbs do not find this stack by themselves."""
    choose = f"to choose this one: control-plane use {access.api_url}"
    try:
        url = find_url(None)
    except (CannotBeDone, WrongUsage) as error:
        return f"Other terminals are not led here: {error}"
    return None if url == access.api_url else f"Other terminals are led to {url}; {choose}"


def _show(access: StackAccess, options: StackOptions) -> None:
    lines = {
        "Console": access.console_url,
        "API": access.api_url,
        "API docs": f"{access.api_url}/docs",
        "Web UI": access.web_ui_url or f"Temporal at {access.temporal_address}",
        "API key": access.api_key,
        "Data": str(options.data_dir.expanduser().absolute()),
    }
    print_text("\n".join(f"{name:<9} {value}" for name, value in lines.items()))
    print_text(
        "\nThe command line and clients find it, as long as no other runs here; what they are told goes before:\n\n"
        f"    export CONTROL_PLANE_API_URL={access.api_url} CONTROL_PLANE_API_KEY={quote(access.api_key)}\n"
    )
