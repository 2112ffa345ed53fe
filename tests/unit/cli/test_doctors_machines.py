"""What the doctor says of a cluster's capacity providers."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from control_plane_server.cli.doctor.checks import Health
from control_plane_server.cli.doctor.machines import check_providers
from control_plane_server.provisioners.ecs.configuration import CapacityProvider
from tests.provisioners.ecs.builders import configuration

SPOT = (CapacityProvider(name="FARGATE_SPOT", weight=1),)


@pytest.mark.parametrize(
    ("providers", "has_default", "named", "findings"),
    [
        ((), True, (), [("ok", "the cluster has what is named")]),
        ((), False, (), [("failed", "the cluster has no default strategy")]),
        (SPOT, False, ("FARGATE",), [("failed", "the cluster has no FARGATE_SPOT")]),
        ((), True, ("gone", "FARGATE"), [("failed", "the cluster has no gone")]),
        ((), True, None, [("unknown", "the catalog could not be asked")]),
    ],
)
def test_what_is_named_and_not_there(
    providers: tuple[CapacityProvider, ...],
    has_default: bool,
    named: Collection[str] | None,
    findings: list[tuple[str, str]],
) -> None:
    chosen = replace(configuration(), capacity_providers=providers)
    checks = check_providers(chosen, of_cluster=["FARGATE"], has_default=has_default, named=named)
    assert [(check.health, check.finding) for check in checks] == [(Health(health), text) for health, text in findings]
    assert all(check.advice is not None for check in checks if check.health is Health.FAILED)
