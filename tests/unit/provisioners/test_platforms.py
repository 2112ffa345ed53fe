"""What engines and processes lack is refused with one line, and what an engine has is asked of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from aiodocker.exceptions import DockerError

from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.domain.platforms import CpuArchitecture, Platform
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.failures import error_of
from control_plane_server.provisioners.docker.platforms import ensure_engine_has, refuse_what_engines_lack
from control_plane_server.provisioners.docker.requests import container_options
from control_plane_server.provisioners.platforms import architecture_of
from control_plane_server.provisioners.process import platforms
from tests.unit.provisioners.test_docker_requests import CONFIGURATION, REQUEST

ROLE = "arn:aws:iam::123456789012:role/reports"
NO_SUCH_PROGRAM = (
    'failed to create task for container: exec: "/control-plane/no-program": stat /control-plane/no-program: no such '
    "file or directory: unknown"
)
NO_DRIVER = 'could not select device driver "" with capabilities: [[gpu]]'
NO_QUOTA = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"


class Refusing(Engine):
    """Refuses a container when it is created, or else when it is started, with these words."""

    def __init__(self, *, at_creation: str | None = None, at_start: str = NO_SUCH_PROGRAM) -> None:
        self.at_creation, self.at_start = at_creation, at_start
        self.created: list[Mapping[str, Any]] = []
        self.removed: list[str] = []

    async def create(self, name: str, container: Mapping[str, Any]) -> str:
        if self.at_creation is not None:
            self._refuse(self.at_creation)
        self.created.append(container)
        return name

    async def start(self, identifier: str) -> bool:
        self._refuse(self.at_start)
        return True

    async def remove(self, identifier: str) -> bool:
        self.removed.append(identifier)
        return True

    def _refuse(self, words: str) -> None:
        refusal = DockerError(500, words)
        raise error_of(refusal) from refusal


async def probe(engine: Engine, platform: Platform) -> None:
    await ensure_engine_has(platform, engine, image="image:1", labels={"a": "b"})


async def test_an_engine_that_would_start_it_has_what_it_needs_and_keeps_nothing() -> None:
    engine = Refusing()
    await probe(engine, Platform(gpus=2, ephemeral_storage_gib=50))
    (created,) = engine.created
    assert created["HostConfig"] == {
        "DeviceRequests": [{"Driver": "", "Count": 2, "Capabilities": [["gpu"]]}],
        "StorageOpt": {"size": "50G"},
    }
    assert len(engine.removed) == 1


async def test_what_is_not_asked_for_costs_nothing() -> None:
    engine = Refusing()
    await probe(engine, Platform(cpu_architecture=CpuArchitecture.X86_64))
    assert not engine.created
    assert "DeviceRequests" not in container_options(REQUEST, CONFIGURATION)["HostConfig"]


async def test_the_engines_own_words_refuse_it() -> None:
    no_driver = Refusing(at_start=NO_DRIVER)
    with pytest.raises(FunctionFailure, match="could not select device driver"):
        await probe(no_driver, Platform(gpus=1))
    assert len(no_driver.removed) == 1
    with pytest.raises(FunctionFailure, match="supported only for overlay over xfs with 'pquota'"):
        await probe(Refusing(at_creation=NO_QUOTA), Platform(ephemeral_storage_gib=50))


def test_a_launch_asks_for_it_too() -> None:
    options = container_options(replace(REQUEST, platform=Platform(gpus=1)), CONFIGURATION)["HostConfig"]
    assert options["DeviceRequests"][0]["Count"] == 1
    assert options["PidsLimit"] == 1_024


@pytest.mark.parametrize(
    ("platform", "option"),
    [
        (Platform(capacity="spot"), "capacity spot"),
        (Platform(task_role_arn=ROLE), f"task_role_arn {ROLE}"),
        (Platform(cpu_architecture=CpuArchitecture.ARM64), "cpu_architecture ARM64: this machine is X86_64"),
    ],
)
def test_what_no_engine_has(platform: Platform, option: str) -> None:
    with pytest.raises(FunctionFailure, match=option) as refusal:
        refuse_what_engines_lack(platform, engine_architecture="x86_64")
    assert "docs/machines.md" in str(refusal.value)


@pytest.mark.parametrize(
    "platform",
    [
        Platform(ephemeral_storage_gib=21),
        Platform(gpus=1),
        Platform(capacity="on_demand"),
        Platform(task_role_arn=ROLE),
        Platform(cpu_architecture=CpuArchitecture.ARM64),
    ],
)
def test_what_processes_lack(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    with pytest.raises(FunctionFailure, match=r"^The function asks for \w+ [^\n]*docs/machines.md$"):
        platforms.refuse_what_processes_lack(platform)


def test_a_machines_own_architecture_is_no_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    platforms.refuse_what_processes_lack(Platform(cpu_architecture=CpuArchitecture.ARM64))
    refuse_what_engines_lack(Platform(cpu_architecture=CpuArchitecture.X86_64), engine_architecture="amd64")
    assert architecture_of("riscv64") == "riscv64"
