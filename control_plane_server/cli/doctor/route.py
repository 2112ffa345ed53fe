"""Whether containers on AWS reach the API, by a task that asks it."""

from datetime import timedelta

from control_plane.protocol.bounds import API_WAS_NOT_REACHED
from sqlalchemy.exc import DBAPIError

from control_plane_server.catalog.prepared_functions import PreparedInstance, newest_prepared
from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown
from control_plane_server.domain.entities import ContainerType
from control_plane_server.domain.errors import CatalogIsAway, ContainerError
from control_plane_server.processes.connections import open_database
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.probe import Probed, probe_task, run_probe
from environment.settings import PostgresSettings

_NAME = "route to the API"
_PATIENCE = timedelta(minutes=6)  # two to start, and two in which the container tries
_REFUSED = "This execution could not be reported to the control plane."  # as the program in containers writes it
_ADVICE = 'see docs/aws.md, "Network" and "In front of the API"'


async def check_route(configuration: EcsConfiguration, postgres: PostgresSettings) -> Check:
    """Takes a minute or more, and costs what a task costs."""
    prepared = await _newest(postgres)
    if prepared is None:
        return unknown(_NAME, "no function is ready, of which a task could be started", "deploy one first")
    request = probe_task(prepared.identifier, prepared.ref, prepared.platform, configuration)
    try:
        probed = await run_probe(configuration, request, patience=_PATIENCE)
    except ContainerError as error:
        return failed(_NAME, f"no task was started: {error}", "see docs/aws-failures.md")
    return verdict(probed, configuration.api_url)


def verdict(probed: Probed, api_url: str) -> Check:
    """What the end of the task says."""
    if probed.exit is None:
        return failed(_NAME, f"the task did not end within {probed.seconds:.0f} s, and was stopped", _ADVICE)
    code = probed.exit.exit_code
    if code == API_WAS_NOT_REACHED:
        return failed(_NAME, probed.lines[-1] if probed.lines else f"a task does not reach {api_url}", _ADVICE)
    if any(line.startswith(_REFUSED) for line in probed.lines):
        return ok(_NAME, f"a task has reached {api_url}, and was over after {probed.seconds:.0f} s")
    if code is None:
        return failed(_NAME, probed.exit.reason, "see docs/aws-failures.md")
    said = f": {probed.lines[-1]}" if probed.lines else ""
    return unknown(_NAME, f"the container ended with exit code {code} without asking{said}", "look at its image")


async def _newest(postgres: PostgresSettings) -> PreparedInstance | None:
    """None, too, if the catalog is away, which another check says."""
    database = open_database(postgres)
    try:
        async with database.transaction() as connection:
            return await newest_prepared(connection, ContainerType.AWS_ECS)
    except (CatalogIsAway, DBAPIError):
        return None
    finally:
        await database.close()
