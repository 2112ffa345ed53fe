"""Whether the account's quotas of Fargate hold what functions may ask for at once."""

from collections.abc import Collection, Iterator, Sequence

import aioboto3

from control_plane_server.cli.doctor.answers import NO_ANSWER, could_not_tell
from control_plane_server.cli.doctor.checks import Check, failed, ok, warning
from control_plane_server.domain.demands import Demand
from control_plane_server.domain.platforms import Platform
from control_plane_server.provisioners.ecs.calls import PATIENCE
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.platforms import FARGATE, FARGATE_SPOT, wanted_providers
from control_plane_server.provisioners.ecs.sizes import UNITS_PER_CPU, size_for

# Of the service `fargate`: by the capacity provider that they limit.
_CODES = {FARGATE: "L-3032A538", FARGATE_SPOT: "L-36FBB829"}


async def check_quotas(
    session: aioboto3.Session,
    configuration: EcsConfiguration,
    demands: Sequence[Demand],
    *,
    default_providers: Collection[str],
) -> list[Check]:
    """A line for each kind of capacity that is asked for. `demands`: of the newest versions.
    `default_providers`: of the cluster's default strategy."""
    checks = []
    async with session.client("service-quotas", config=PATIENCE) as quotas:
        for provider, code in _CODES.items():
            sizes = list(sizes_on(provider, configuration, demands, default_providers=default_providers))
            if not sizes:
                continue
            try:
                answer = await quotas.get_service_quota(ServiceCode="fargate", QuotaCode=code)
            except NO_ANSWER as error:
                checks.append(could_not_tell(_name(provider), error, action="servicequotas:GetServiceQuota"))
                continue
            checks.append(compare(provider, answer["Quota"]["Value"], sizes))
    return checks


def sizes_on(
    provider: str, configuration: EcsConfiguration, demands: Sequence[Demand], *, default_providers: Collection[str]
) -> Iterator[tuple[float, int]]:
    """vCPUs of a container, and how many of it there may be at once, of each function that may run there."""
    configured = [each.name for each in configuration.capacity_providers if each.weight]
    for demand in demands:
        platform = Platform(capacity=demand.capacity).with_default(configuration.default_capacity)
        if provider not in (wanted_providers(platform) or configured or default_providers):
            continue
        yield size_for(demand.resource_spec).cpu / UNITS_PER_CPU, demand.resource_spec.max_concurrency


def compare(provider: str, quota: float, sizes: Sequence[tuple[float, int]]) -> Check:
    """`quota`: vCPUs of all tasks that run at once."""
    largest, total = max(cpus for cpus, _ in sizes), sum(cpus * count for cpus, count in sizes)
    code = _CODES[provider]
    advice = f"raise it: aws service-quotas request-service-quota-increase --service-code fargate --quota-code {code}"
    if largest > quota:
        return failed(_name(provider), f"{quota:g} vCPUs; a function asks for {largest:g} per container", advice)
    finding = f"{quota:g} vCPUs; functions of the newest versions may ask for {total:g} at once"
    if total > quota:
        return warning(_name(provider), finding, f"beyond it containers wait; {advice}")
    return ok(_name(provider), finding)


def _name(provider: str) -> str:
    return f"quota of {provider}"
