"""Builds the services that the routes of an `api` process use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.runtime import Runtime

from api.events.streams import EventStreams
from api.long_polls import LongPolls
from api.orchestration import Orchestrator
from api.reconciliation_trigger import ReconciliationTrigger
from api.results.service import Results
from api.services import Services
from api.warm_polls import WarmPolls
from control_plane_server.catalog.notifications import (
    INVOCATIONS_CHANNEL,
    WARM_CONTAINERS_CHANNEL,
    NotificationListener,
)
from control_plane_server.orchestration.connection import connect_temporal
from control_plane_server.orchestration.namespace_link import NamespaceLink
from control_plane_server.processes.connections import (
    open_blobs,
    open_database,
    open_provisioner,
    webhook_targets,
)
from environment.loading import Settings

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans

# How soon a request is answered 503 when the catalog is silent: it waits this long for a connection, and again on it.
_STATEMENT_LIMIT = timedelta(seconds=5)


@asynccontextmanager
async def open_services(
    settings: Settings, *, runtime: Runtime | None, spans: "Spans | None"
) -> AsyncIterator[Services]:
    """The services, open while the context lasts. PostgreSQL and Temporal need not answer yet. `runtime`: of Temporal's
    SDK; None: its default one. Raises SettingsError for a store that cannot be used."""
    blobs = open_blobs(settings)
    database = open_database(settings.postgres, statement_limit=_STATEMENT_LIMIT)
    try:
        temporal = await connect_temporal(lazy=True, runtime=runtime)
        link = NamespaceLink(temporal, database)
        async with (
            NotificationListener(settings.postgres.url, [INVOCATIONS_CHANNEL, WARM_CONTAINERS_CHANNEL]) as listener,
            ReconciliationTrigger(temporal, link=link) as trigger,
            open_provisioner(settings) as provisioner,
        ):
            yield Services(
                root_keys=settings.control_plane.root_keys,
                secret_keys=settings.control_plane.secret_keys,
                webhook_targets=webhook_targets(settings.control_plane),
                prices=settings.control_plane.price_list,
                database=database,
                orchestrator=Orchestrator(temporal, link=link, spans=spans, on_undelivered=trigger.note),
                provisioner=provisioner,
                long_polls=LongPolls(database, listener),
                event_streams=EventStreams(database, listener, provisioner),
                results=Results(database, listener),
                warm_polls=WarmPolls(database, listener),
                blobs=blobs,
                spans=spans,
                workflows_url=_workflows_url(settings.control_plane.temporal_ui_url, temporal.namespace),
            )
    finally:
        await database.close()


def _workflows_url(ui_url: str | None, namespace: str) -> str | None:
    return None if ui_url is None else f"{ui_url.rstrip('/')}/namespaces/{namespace}/workflows"
