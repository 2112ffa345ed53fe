"""Builds from settings what both processes need: the catalog and the provisioner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from catalog.database import Database
from environment.settings import PostgresSettings, Settings
from provisioners.contract import Provisioner
from provisioners.process.provisioner import ProcessProvisioner


class ProvisionerName(StrEnum):
    """Values of `--provisioner`."""

    PROCESS = "process"


def open_database(settings: PostgresSettings) -> Database:
    return Database(settings.url, pool_size=settings.pool_size)


@asynccontextmanager
async def open_provisioner(name: ProvisionerName, settings: Settings) -> AsyncIterator[Provisioner]:
    """The provisioner, with its connections open as long as the context is."""
    match name:
        case ProvisionerName.PROCESS:
            yield ProcessProvisioner(
                data_dir=settings.control_plane.data_dir.absolute(),
                api_url=settings.control_plane.api_url,
                stop_grace=settings.control_plane.stop_grace,
            )
