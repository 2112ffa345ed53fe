"""`control-plane adopt-namespace`: after Temporal's state was lost or moved, for the people who know that it was."""

import asyncio

import typer
from control_plane.cli.exits import Finalization
from control_plane.cli.output import fail, note, print_json
from control_plane.cli.verbs.options import Json
from temporalio.service import RPCError

from control_plane_server.domain.errors import CatalogIsAway, Misconfigured
from control_plane_server.orchestration.connection import connect_temporal
from control_plane_server.orchestration.namespace_link import adopt_namespace as adopt
from control_plane_server.processes.connections import open_database
from environment.loading import SettingsError, load_postgres


def adopt_namespace(*, as_json: Json = False) -> None:
    """Have the Temporal namespace that TEMPORAL_* names work for the catalog that POSTGRES_* names, in place of the one
    that did, whose state was lost or moved.

    What runs goes on: within minutes, each invocation has a workflow again, which finds its container.
    """
    try:
        namespace = asyncio.run(_adopt())
    except (SettingsError, CatalogIsAway, Misconfigured, RPCError, RuntimeError) as error:
        fail(str(error))
        raise typer.Exit(1) from error
    note(f"The namespace {namespace} works for this catalog now; `loop` and `api` go on with it by themselves.")
    if as_json:
        print_json({"namespace": namespace})


async def _adopt() -> str:
    database = open_database(load_postgres())
    Finalization.is_unsafe = True  # temporalio/sdk-python, issue 300
    try:
        client = await connect_temporal()
        await adopt(client, database)
        return client.namespace
    finally:
        await database.close()
