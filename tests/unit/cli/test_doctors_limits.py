"""What the doctor says of quotas of Fargate and of addresses in subnets."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from control_plane_server.cli.doctor import network, quotas
from control_plane_server.domain.demands import Demand
from control_plane_server.domain.platforms import Capacity
from control_plane_server.domain.specs import ResourceSpec
from control_plane_server.provisioners.ecs.configuration import CapacityProvider, EcsConfiguration
from tests.provisioners.ecs.builders import configuration


def demand(cpus: float, containers: int, capacity: str | None = None) -> Demand:
    return Demand(
        resource_spec=ResourceSpec(virtual_cpus=cpus, memory_gbs=1, max_concurrency=containers), capacity=capacity
    )


@pytest.mark.parametrize(
    ("quota", "health", "finding"),
    [
        (12, "ok", "12 vCPUs; functions of the newest versions may ask for 12 at once"),
        (6, "warning", "6 vCPUs; functions of the newest versions may ask for 12 at once"),
        (1, "failed", "1 vCPUs; a function asks for 2 per container"),
    ],
)
def test_quotas(quota: float, health: str, finding: str) -> None:
    check = quotas.compare("FARGATE", quota, [(2, 5), (0.5, 4)])
    assert (check.name, check.health, check.finding) == ("quota of FARGATE", health, finding)
    assert check.advice is None or "L-3032A538" in check.advice


SPOT_BY_SETTING = replace(configuration(), capacity_providers=(CapacityProvider(name="FARGATE_SPOT", weight=1),))


@pytest.mark.parametrize(
    ("chosen", "of_cluster", "on_demand", "spot"),
    [
        (configuration(), ["FARGATE"], [1, 4, 8], [2, 4]),
        (configuration(), ["FARGATE_SPOT"], [4, 8], [1, 2, 4]),
        (SPOT_BY_SETTING, ["FARGATE"], [4, 8], [1, 2, 4]),
        (replace(configuration(), default_capacity=Capacity.SPOT_WITH_FALLBACK), ["FARGATE"], [1, 4, 8], [1, 2, 4]),
    ],
)
def test_which_quota_a_function_counts_for(
    chosen: EcsConfiguration, of_cluster: list[str], on_demand: list[float], spot: list[float]
) -> None:
    demands = [
        *(demand(1, 3), demand(2, 3, "spot"), demand(4, 3, "spot_with_fallback"), demand(8, 3, "on_demand")),
        demand(16, 3, "provider:machines"),
    ]
    for provider, expected in (("FARGATE", on_demand), ("FARGATE_SPOT", spot)):
        sizes = quotas.sizes_on(provider, chosen, demands, default_providers=of_cluster)
        assert list(sizes) == [(cpus, 3) for cpus in expected]


@pytest.mark.parametrize(
    ("free", "demands", "health", "finding"),
    [
        (500, [demand(1, 100)], "ok", "500 addresses are free in 2 zones"),
        (500, None, "ok", "500 addresses are free in 2 zones"),
        (0, [], "failed", "0 addresses are free in 2 zones"),
        (
            *(50, [demand(1, 40), demand(1, 40)], "warning"),
            "50 addresses are free in 2 zones; functions of the newest versions may have 80 containers",
        ),
    ],
)
def test_addresses(free: int, demands: Sequence[Demand] | None, health: str, finding: str) -> None:
    check = network.compare(free=free, zones=2, demands=demands)
    assert (check.health, check.finding) == (health, finding)
