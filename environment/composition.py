"""Builds from settings what both processes need: the catalog and the provisioner."""

from enum import StrEnum

from catalog.database import Database
from environment.settings import ControlPlaneSettings, PostgresSettings
from provisioners.contract import Provisioner
from provisioners.process.provisioner import ProcessProvisioner


class ProvisionerName(StrEnum):
    """Values of `--provisioner`."""

    PROCESS = "process"


def open_database(settings: PostgresSettings) -> Database:
    return Database(settings.url, pool_size=settings.pool_size)


def build_provisioner(name: ProvisionerName, settings: ControlPlaneSettings) -> Provisioner:
    match name:
        case ProvisionerName.PROCESS:
            return ProcessProvisioner(
                data_dir=settings.data_dir.absolute(),
                api_url=settings.api_url,
                stop_grace=settings.stop_grace,
            )
