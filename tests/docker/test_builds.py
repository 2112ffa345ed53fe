"""`control-plane deploy --build`: with the docker command, on a real engine, into a real registry."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.builds import build_image

from tests.cli.scripted_server import json_answer, scripted_server
from tests.docker.registry import PASSWORD, USERNAME, Registry, running_registry

_NO_REGISTRY = json_answer('{"detail": "none is configured"}', status="501 Not Implemented")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker-config"))
    path = tmp_path / "functions"
    path.mkdir()
    (path / "main.py").write_text("")
    (path / "Dockerfile").write_text('FROM scratch\nCOPY main.py /app/\nCMD ["python3"]\n')
    return path


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    async with running_registry(tmp_path) as it:
        yield it


def _credentials(registry: Registry, password: str) -> bytes:
    credentials = {
        "repository_name": "functions",
        "username": USERNAME,
        "password": password,
        "endpoint_url": f"http://{registry.host}",
        "platform": "linux/amd64",
    }
    return json_answer(json.dumps(credentials))


async def _build(connection: AsyncConnection, folder: Path, project: str) -> str:
    return await build_image(connection, folder, project=project, module="main", functions=[], report=print)


async def test_an_image_is_pushed(folder: Path, registry: Registry) -> None:
    answer = _credentials(registry, PASSWORD)
    async with scripted_server(lambda *_: answer) as scripted, scripted.connect() as connection:
        name = await _build(connection, folder, "my project")
        assert name.startswith(f"{registry.host}/functions:my-project.")
        assert await _build(connection, folder, "my project") == name
    await _docker("image", "rm", name)
    await _docker("pull", "--quiet", name)
    await _docker("image", "rm", name)


async def test_a_refused_login_is_one_line(folder: Path, registry: Registry) -> None:
    answer = _credentials(registry, "wrong")
    async with scripted_server(lambda *_: answer) as scripted, scripted.connect() as connection:
        with pytest.raises(CannotBeDone, match="docker login failed: ") as failed:
            await _build(connection, folder, "p")
    assert "\n" not in str(failed.value)


async def test_without_a_registry_it_stays_on_the_engine(folder: Path) -> None:
    async with scripted_server(lambda *_: _NO_REGISTRY) as scripted, scripted.connect() as connection:
        name = await _build(connection, folder, "Ünder_one roof")
    assert name.startswith("control-plane-nder-one-roof:")
    await _docker("image", "inspect", name)
    await _docker("image", "rm", name)


async def test_a_dockerfile_that_fails(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY nowhere /\n")
    async with scripted_server(lambda *_: _NO_REGISTRY) as scripted, scripted.connect() as connection:
        with pytest.raises(CannotBeDone, match="failed with exit code 1; see above"):
            await _build(connection, folder, "p")


async def test_no_dockerfile(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    async with scripted_server(lambda *_: _NO_REGISTRY) as scripted, scripted.connect() as connection:
        with pytest.raises(CannotBeDone, match="there is no Dockerfile in "):
            await _build(connection, folder, "p")


async def _docker(*words: str) -> None:
    process = await asyncio.create_subprocess_exec("docker", *words, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
