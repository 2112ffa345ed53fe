"""What every route may ask for, and how it is made for a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from temporalio.runtime import Runtime

from api.events.streams import EventStreams
from api.leftovers import Leftovers
from api.long_polls import LongPolls
from api.orchestration import Orchestrator
from api.shares import Shares
from catalog.database import Database
from catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from environment.composition import open_database, open_provisioner
from environment.loading import Settings
from environment.temporal import connect_temporal
from environment.temporal_link import TemporalLink
from provisioners.contract import Provisioner

if TYPE_CHECKING:
    from environment.spans import Spans

# A client that waits hears soon that the catalog is silent: it waits once for a connection, and once on it.
_STATEMENT_LIMIT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    root_keys: tuple[str, ...] = field(repr=False)
    database: Database
    orchestrator: Orchestrator
    provisioner: Provisioner
    long_polls: LongPolls
    event_streams: EventStreams
    shares: Shares = field(default_factory=Shares)
    spans: "Spans | None" = None  # where tracing is on


def services_of(connection: HTTPConnection) -> Services:
    """The services that `create_app` was given."""
    services: Services = connection.app.state.services
    return services


@asynccontextmanager
async def open_services(
    settings: Settings, *, runtime: Runtime | None, spans: "Spans | None"
) -> AsyncIterator[Services]:
    """Everything the API needs. Neither Postgres nor Temporal need be there yet. `runtime`: of Temporal's SDK."""
    database = open_database(settings.postgres, statement_limit=_STATEMENT_LIMIT)
    try:
        temporal = await connect_temporal(lazy=True, runtime=runtime)
        link = TemporalLink(temporal, database)
        async with (
            NotificationListener(settings.postgres.url, [INVOCATIONS_CHANNEL]) as listener,
            Leftovers(temporal, link=link) as leftovers,
            open_provisioner(settings) as provisioner,
        ):
            yield Services(
                root_keys=settings.control_plane.root_keys,
                database=database,
                orchestrator=Orchestrator(temporal, link=link, spans=spans, leave=leftovers.note),
                provisioner=provisioner,
                long_polls=LongPolls(database, listener),
                event_streams=EventStreams(database, listener, provisioner),
                spans=spans,
            )
    finally:
        await database.close()
