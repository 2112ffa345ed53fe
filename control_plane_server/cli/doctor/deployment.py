"""Whether what the `api` and `loop` processes need is there: settings, PostgreSQL, Temporal."""

import asyncio

from control_plane.cli.exits import Finalization
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.search_attributes import missing_search_attributes
from control_plane_server.catalog.migrations.migrate import schema_revisions
from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown
from control_plane_server.cli.stack.temporal import is_polled
from control_plane_server.domain.errors import CatalogIsAway, NamespaceIsNotOurs
from control_plane_server.orchestration.connection import connect_temporal
from control_plane_server.orchestration.namespace_link import compare
from control_plane_server.processes.connections import open_database
from environment.loading import Settings, SettingsError, load_settings
from environment.provisioner_names import ProvisionerName
from environment.settings import PostgresSettings
from workflows.naming import CONTROL_TASK_QUEUE, INVOCATIONS_TASK_QUEUE

_PATIENCE = 15.0


def check_settings(provisioner: ProvisionerName) -> tuple[Settings | None, list[Check]]:
    try:
        return load_settings(provisioner), [ok("settings", f"complete for --provisioner={provisioner}")]
    except SettingsError as error:
        advice = f"set it; environment/example-{_EXAMPLES[provisioner]}.env shows how"
        return None, [failed("settings", line, advice) for line in str(error).splitlines()]


_EXAMPLES = {ProvisionerName.PROCESS: "dev", ProvisionerName.DOCKER: "docker", ProvisionerName.ECS: "ecs"}


async def check_postgres(settings: PostgresSettings) -> list[Check]:
    database = open_database(settings)
    try:
        current, newest = await schema_revisions(database)
    except CatalogIsAway as error:
        return [failed("PostgreSQL", str(error), "start it, or set POSTGRES_*")]
    finally:
        await database.close()
    connected = ok("PostgreSQL", f"{settings.db} at {settings.host}:{settings.port}")
    if current == newest:
        return [connected, ok("schema", f"{current}, the newest")]
    finding = "there is none" if current is None else f"{current}; this version needs {newest}"
    return [connected, failed("schema", finding, "run: control-plane migrate")]


async def check_temporal(settings: PostgresSettings | None) -> list[Check]:
    """`settings`: of the catalog that the namespace should work for; None if they are not known."""
    Finalization.is_unsafe = True  # temporalio/sdk-python, issue 300
    try:
        async with asyncio.timeout(_PATIENCE):
            client = await connect_temporal()
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
            connected = ok("Temporal", f"namespace {client.namespace} at {client.service_client.config.target_host}")
            checks = [connected, await _search_attributes(client), await _loops(client)]
            return checks if settings is None else [*checks, await _link(client, settings)]
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            advice = "make it: temporal operator namespace create --namespace NAME, or set TEMPORAL_NAMESPACE"
            return [failed("Temporal", error.message, advice)]
        return [failed("Temporal", error.message, "look at its log, or set TEMPORAL_*")]
    except (RuntimeError, TimeoutError, ValueError, OSError) as error:
        reason = str(error).partition("\n")[0] or "it does not answer"
        return [failed("Temporal", reason, "start it, or set TEMPORAL_ADDRESS")]


async def _search_attributes(client: Client) -> Check:
    missing = await missing_search_attributes(client)
    if not missing:
        return ok("search attributes", "registered")
    return unknown("search attributes", f"missing: {', '.join(missing)}", "`loop` adds them when it starts")


async def _link(client: Client, settings: PostgresSettings) -> Check:
    database = open_database(settings)
    try:
        await compare(client, database, may_link=False)
    except NamespaceIsNotOurs as error:
        finding, _, advice = str(error).partition(": ")
        return failed("Temporal's namespace", finding, advice)
    except CatalogIsAway as error:
        return unknown("Temporal's namespace", str(error))
    finally:
        await database.close()
    return ok("Temporal's namespace", "works for this catalog, or for none yet")


async def _loops(client: Client) -> Check:
    for queue in (INVOCATIONS_TASK_QUEUE, CONTROL_TASK_QUEUE):
        if not await is_polled(client, queue):
            return failed("loop", f"nobody asks for work on the task queue {queue}", "start a `loop`, or see its log")
    return ok("loop", "asks for work")
