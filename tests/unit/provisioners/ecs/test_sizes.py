"""Which of Fargate's sizes a request gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane_server.domain.bounds import MAX_MEMORY_GBS, MAX_VIRTUAL_CPUS
from control_plane_server.domain.specs import ResourceSpec
from control_plane_server.provisioners.ecs.sizes import FARGATE_SIZES, TaskSize, size_for


def spec(cpus: float, gbs: float) -> ResourceSpec:
    return ResourceSpec(virtual_cpus=cpus, memory_gbs=gbs, max_concurrency=1)


def test_there_are_74_sizes() -> None:
    assert len(set(FARGATE_SIZES)) == 74


@pytest.mark.parametrize("size", FARGATE_SIZES)
def test_who_asks_for_a_size_gets_it(size: TaskSize) -> None:
    assert size_for(spec(size.cpu / 1_024, size.memory / 1_024)) == size


@pytest.mark.parametrize(
    ("cpus", "gbs", "cpu", "memory"),
    [
        (0.1, 0.1, 256, 512),
        (0.1 + 0.2 - 0.05, 0.5, 256, 512),
        (0.26, 0.5, 512, 1_024),
        (0.25, 3, 512, 3_072),
        (1, 1, 1_024, 2_048),
        (4, 30, 4_096, 30_720),
        (4, 31, 8_192, 32_768),
        (16, 64, 16_384, 65_536),
        (0.25, 120, 16_384, 122_880),
        (0.25, 64, 16_384, 65_536),
        (0.25, 60, 8_192, 61_440),
    ],
)
def test_smallest_cpu_then_smallest_memory(cpus: float, gbs: float, cpu: int, memory: int) -> None:
    assert (size_for(spec(cpus, gbs)).cpu, size_for(spec(cpus, gbs)).memory) == (cpu, memory)


@given(
    st.floats(0, MAX_VIRTUAL_CPUS, exclude_min=True),
    st.floats(0, MAX_MEMORY_GBS, exclude_min=True),
)
def test_every_legal_request_fits_and_none_fits_smaller(cpus: float, gbs: float) -> None:
    size = size_for(spec(cpus, gbs))
    assert size.cpu + 1 >= cpus * 1_024
    assert size.memory + 1 >= gbs * 1_024
    for smaller in FARGATE_SIZES[: FARGATE_SIZES.index(size)]:
        assert smaller.cpu < cpus * 1_024 or smaller.memory < gbs * 1_024
