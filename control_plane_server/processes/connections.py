"""Builds from settings what both processes need: the catalog and the provisioner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from control_plane_server.catalog.database import STATEMENT_LIMIT, Database
from control_plane_server.catalog.migrations.migrate import upgrade_to_head
from control_plane_server.domain.errors import Misconfigured
from control_plane_server.provisioners.contract import ContainerEvents, Provisioner
from control_plane_server.webhooks.addresses import AllowedAddresses
from control_plane_server.webhooks.targets import Targets
from environment.loading import Settings, SettingsError
from environment.settings import ControlPlaneSettings, PostgresSettings

if TYPE_CHECKING:
    from control_plane_server.blobs.store import BlobStore


def open_database(settings: PostgresSettings, *, statement_limit: timedelta = STATEMENT_LIMIT) -> Database:
    """Not connected yet; to be closed. `statement_limit`: for each statement."""
    return Database(settings.url, pool_size=settings.pool_size, statement_limit=statement_limit)


async def migrate(settings: PostgresSettings) -> None:
    """Bring the catalog to the newest schema. Raises CatalogIsAway."""
    database = open_database(settings)
    try:
        await upgrade_to_head(database)
    finally:
        await database.close()


def open_blobs(settings: Settings) -> "BlobStore | None":
    """The store of the settings, which is not asked yet. Raises SettingsError if it cannot be used at all.

    It is imported only where there is one, as that takes a tenth of a second.
    """
    if settings.blobs.location is None:
        return None
    from control_plane_server.blobs.opening import open_blob_store  # noqa: PLC0415

    try:
        return open_blob_store(settings.blobs.location)
    except Misconfigured as error:
        raise SettingsError(str(error)) from error


def webhook_targets(settings: ControlPlaneSettings) -> Targets:
    """Where webhooks may be sent."""
    return Targets(AllowedAddresses(settings.webhook_networks))


@asynccontextmanager
async def open_provisioner(settings: Settings) -> AsyncIterator[Provisioner]:
    """The provisioner of the settings, with its connections open while the context lasts.

    Only that one is imported: AWS's library and Docker's are a fifth of the time that a process takes to start.
    """
    if settings.ecs is not None:
        from control_plane_server.provisioners.ecs.factory import open_ecs_provisioner  # noqa: PLC0415

        async with open_ecs_provisioner(settings.ecs) as provisioner:
            yield provisioner
        return
    if settings.docker is not None:
        from control_plane_server.provisioners.docker.factory import open_docker_provisioner  # noqa: PLC0415

        async with open_docker_provisioner(settings.docker) as provisioner:
            yield provisioner
        return
    from control_plane_server.provisioners.process.housekeeping import Retention, keep_housekeeping  # noqa: PLC0415
    from control_plane_server.provisioners.process.provisioner import ProcessProvisioner  # noqa: PLC0415

    data_dir = settings.control_plane.data_dir.absolute()
    retention = Retention(
        age=timedelta(days=settings.control_plane.process_retention_days),
        size=int(settings.control_plane.process_retention_gb * 1_000_000_000),
    )
    async with keep_housekeeping(data_dir, retention):
        yield ProcessProvisioner(
            data_dir=data_dir,
            api_url=settings.control_plane.api_url,
            stop_grace=settings.control_plane.stop_grace,
        )


@asynccontextmanager
async def open_container_events(settings: Settings) -> AsyncIterator[ContainerEvents | None]:
    """Events of ended containers; None where the platform sends none, so that all containers are polled."""
    if settings.ecs is None or settings.ecs.events_queue_url is None:
        yield None
        return
    from control_plane_server.provisioners.ecs.factory import open_task_events  # noqa: PLC0415

    async with open_task_events(settings.ecs, queue_url=settings.ecs.events_queue_url) as events:
        yield events
