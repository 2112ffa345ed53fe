"""Which capacity a launch gets."""

from datetime import timedelta

import pytest

from control_plane_server.catalog.platforms import to_platform
from control_plane_server.domain.platforms import Capacity, CpuArchitecture, Platform


@pytest.mark.parametrize(
    ("interruptions", "seconds", "capacity"),
    [(0, 0, "spot"), (1, 179, "spot"), (2, 0, "on_demand"), (0, 180, "on_demand"), (7, 900, "on_demand")],
)
def test_spot_falls_back_after_the_second_interruption_or_three_minutes(
    interruptions: int, seconds: int, capacity: str
) -> None:
    wanted = Platform(capacity="spot_with_fallback", gpus=None)
    launched = wanted.for_launch(interruptions=interruptions, without_capacity=timedelta(seconds=seconds))
    assert launched.capacity == capacity


@pytest.mark.parametrize("capacity", [None, "on_demand", "spot", "provider:machines"])
def test_others_stay_what_they_are(capacity: str | None) -> None:
    wanted = Platform(capacity=capacity, gpus=1)
    assert wanted.for_launch(interruptions=9, without_capacity=timedelta(hours=1)) == wanted


def test_a_default_is_for_those_that_name_none() -> None:
    default = Capacity.SPOT_WITH_FALLBACK
    assert Platform(gpus=1).with_default(default) == Platform(gpus=1, capacity="spot_with_fallback")
    assert Platform(capacity="on_demand").with_default(default) == Platform(capacity="on_demand")
    assert Platform().with_default(None) == Platform()


def test_a_provider_is_named_behind_its_prefix() -> None:
    assert Platform(capacity="provider:machines").capacity_provider == "machines"
    assert Platform(capacity="spot").capacity_provider is None
    assert Platform().capacity_provider is None


def test_what_a_later_release_has_written_is_left_out() -> None:
    assert to_platform({"cpu_architecture": "RISCV", "gpus": 1, "later": True}) == Platform(gpus=1)
    assert to_platform({"cpu_architecture": "ARM64"}) == Platform(cpu_architecture=CpuArchitecture.ARM64)
