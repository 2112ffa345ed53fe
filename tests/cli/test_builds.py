"""What `deploy --build` asks of the docker command; tests/docker asks a real engine."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.deployment.builds import build_image

from tests.cli.scripted_server import json_answer, scripted_server

IMAGE_ID = "0123456789ab"
# Notes what it is told; its image is always the same.
_DOCKER = f"""#!/bin/sh
echo "$@" >> "$DOCKER_CALLS"
while [ $# -gt 0 ]; do
    if [ "$1" = --iidfile ]; then printf 'sha256:{IMAGE_ID}{"0" * 52}' > "$2"; fi
    if [ "$1" = push ] && [ -n "$DOCKER_REFUSES" ]; then echo "$DOCKER_REFUSES"; exit 1; fi
    shift
done
cat > /dev/null
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[str]]]:
    """The words of each call of `docker`."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(_DOCKER)
    program.chmod(0o755)
    (tmp_path / "calls").touch()
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CALLS", str(tmp_path / "calls"))
    monkeypatch.delenv("DOCKER_REFUSES", raising=False)
    return lambda: [line.split() for line in (tmp_path / "calls").read_text().splitlines()]


async def build(folder: Path, *, platform: str | None, project: str = "p", module: str = "main") -> str:
    (folder / "Dockerfile").write_text("FROM scratch\n")
    credentials = {
        "repository_name": "functions",
        "username": "AWS",
        "password": "secret",
        "endpoint_url": "https://registry.example.com",
    } | ({} if platform is None else {"platform": platform})
    answer = json_answer(json.dumps(credentials))
    async with scripted_server(lambda *_: answer) as scripted, scripted.connect() as connection:
        return await build_image(
            connection, folder, project=project, module=module, functions=[{"function_name": "f"}], report=print
        )


@pytest.mark.parametrize("module", ["main", "jobs"])
@pytest.mark.parametrize("platform", ["linux/arm64", None])
async def test_it_is_built_for_what_the_control_plane_says(
    tmp_path: Path, calls: Callable[[], list[list[str]]], platform: str | None, module: str
) -> None:
    """An earlier release says nothing."""
    name = await build(tmp_path, platform=platform, module=module)
    assert name == f"registry.example.com/functions:p-{IMAGE_ID}"
    builds = [words for words in calls() if words[0] == "build"]
    assert len(builds) == (1 if module == "main" else 2)
    expected = ["--iidfile"] if platform is None else ["--platform", platform, "--iidfile"]
    assert all(words[1 : len(expected) + 1] == expected for words in builds)
    assert ["push", "--quiet", name] in calls()


async def test_what_a_registry_with_fixed_tags_has_already_is_there(
    tmp_path: Path, calls: Callable[[], list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = (
        "tag invalid: The image tag 'p-0123456789ab' already exists in the 'functions' repository and cannot be "
        "overwritten because the repository is immutable."
    )
    monkeypatch.setenv("DOCKER_REFUSES", refusal)
    assert await build(tmp_path, platform="linux/amd64") == f"registry.example.com/functions:p-{IMAGE_ID}"
    monkeypatch.setenv("DOCKER_REFUSES", "denied: not yours")
    with pytest.raises(CannotBeDone, match="docker push failed: denied: not yours"):
        await build(tmp_path, platform="linux/amd64")
