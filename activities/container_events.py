"""Passes the platform's events of ended containers on to the process that watches the container, by notifications."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import notify_containers
from control_plane_server.domain.errors import Misconfigured, Unavailable
from control_plane_server.liveness.background import in_background
from control_plane_server.provisioners.contract import ContainerEvents

logger = structlog.get_logger(__name__)

_PAUSE = timedelta(seconds=5)


class Heard(Protocol):
    def __call__(self, *, are_heard: bool) -> None: ...


@asynccontextmanager
async def relay_container_events(
    events: ContainerEvents | None, database: Database, *, heard: Heard
) -> AsyncIterator[None]:
    """Pass events on while the context lasts; nothing if `events` is None. `heard`: is told whether there are any."""
    if events is None:
        yield
        return
    async with in_background("container events", partial(_relay, events, database, heard)):
        yield


async def _relay(events: ContainerEvents, database: Database, heard: Heard) -> None:
    """Without end. An event that is not passed on is sent again by the platform, or its container is seen by
    polling."""
    while True:
        try:
            async for identifiers in events.receive():
                async with database.statement() as connection:
                    await notify_containers(connection, identifiers)
                heard(are_heard=True)
        except (Unavailable, Misconfigured) as error:
            heard(are_heard=False)
            logger.warning("container_events_are_not_heard", reason=str(error), retry_seconds=_PAUSE.total_seconds())
            await asyncio.sleep(_PAUSE.total_seconds())
