"""`control-plane doctor`: what works, what does not, and what to do about it."""

from typing import Annotated

import typer
from control_plane.cli.exits import ExitCode
from control_plane.cli.output import note, print_json, print_table
from control_plane.cli.running import run
from control_plane.cli.verbs.options import ApiUrl, Json

from control_plane_server.cli.doctor.api import check_api, check_this_machine
from control_plane_server.cli.doctor.blobs import check_blobs
from control_plane_server.cli.doctor.checks import Check, Health
from control_plane_server.cli.doctor.deployment import check_postgres, check_settings, check_temporal
from control_plane_server.cli.doctor.encryption import check_encryption
from control_plane_server.cli.doctor.provisioners import check_provisioner
from control_plane_server.cli.doctor.route import check_route
from control_plane_server.cli.doctor.secrets import check_secrets
from environment.deployments import DeploymentHints
from environment.provisioner_names import ProvisionerName


def doctor(
    *,
    provisioner: Annotated[
        ProvisionerName | None,
        typer.Option(
            help="process, docker or ecs: look at what api and loop need with it. Default: as the environment looks."
        ),
    ] = None,
    api_url: ApiUrl = None,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="On AWS: start a task that asks the API and ends, which takes a minute or two and is billed.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Look whether the server answers and takes the key; and, where the environment is that of a deployment, at its
    settings, PostgreSQL, Temporal, and what runs the containers. Changes nothing, but for the task of --probe.

    Ends with 1 if anything has failed. What could not be looked at is unknown, and no failure; nor is a warning.
    """
    run(_doctor(provisioner or DeploymentHints().provisioner, api_url=api_url, probes=probe, as_json=as_json))


async def _doctor(provisioner: ProvisionerName | None, *, api_url: str | None, probes: bool, as_json: bool) -> ExitCode:
    checks = check_this_machine() if provisioner is None else await _deployment(provisioner, probes=probes)
    checks += await check_api(api_url)
    has_failed = any(check.health is Health.FAILED for check in checks)
    if as_json:
        print_json({"checks": [check.document() for check in checks]})
    else:
        print_table(("CHECK", "", "FINDING"), ((check.name, check.health, check.finding) for check in checks))
        for check in checks:
            if check.health is not Health.OK and check.advice is not None:
                note(f"{check.name}: {check.advice}")
    return ExitCode.FAILED if has_failed else ExitCode.OK


async def _deployment(provisioner: ProvisionerName, *, probes: bool) -> list[Check]:
    settings, checks = check_settings(provisioner)
    if settings is not None:
        checks += await check_postgres(settings.postgres)
        checks.append(await check_secrets(settings))
    checks += await check_temporal(None if settings is None else settings.postgres)
    if settings is not None:
        if settings.ecs is not None:
            checks += check_encryption("encryption from tasks", settings.ecs.api_url)
        checks += await check_blobs(settings)
        checks += await check_provisioner(settings)
        if settings.ecs is not None and probes:
            checks.append(await check_route(settings.ecs, settings.postgres))
    return checks
