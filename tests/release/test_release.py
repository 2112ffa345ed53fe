"""`python -m release` on a copy of the repository, as release 9.8.7: the wheels are real, and nothing is pushed."""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from release.steps import tag
from requirements.comparison import content_hash
from requirements.sets import ROOT
from tests.release.repositories import commit, plan_of

VERSION = "9.8.7"
CHANGELOG = f"# Changelog\n\n## Unreleased\n\n## {VERSION} - 2026-11-01\n\n### Added\n\n- Something new.\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    clone = tmp_path / "clone"
    listed = subprocess.run(("git", "ls-files", "-z"), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for path in filter(None, listed.split("\0")):
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, clone / path)
    (clone / "CHANGELOG.md").write_text(CHANGELOG)
    (clone / "README.md").write_text(f"The newest release is {VERSION}.\n")
    for pyproject in clone.glob("**/pyproject.toml"):
        text = re.sub(r'^version = "[^"]+"', f'version = "{VERSION}"', pyproject.read_text(), flags=re.MULTILINE)
        pyproject.write_text(re.sub(r"(control-plane-client\[cli\]==)[\d.]+", rf"\g<1>{VERSION}", text))
    lock = clone / "poetry.lock"
    digest = content_hash(tomllib.loads((clone / "pyproject.toml").read_text()))
    lock.write_text(re.sub(r'(content-hash = )"\w+"', rf'\1"{digest}"', lock.read_text()))  # as `make lock` does
    (clone / ".uv").symlink_to(ROOT / ".uv")
    commit(clone)
    return clone


def release(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "release", VERSION, "--tested", "--without-image", *arguments),
        cwd=clone,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_release_is_built_then_tagged_and_never_pushed(clone: Path) -> None:
    plan = plan_of(clone, VERSION)
    repository = plan.repository
    dry = release(clone, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert repository.commit_of(f"v{VERSION}") is None

    done = release(clone)
    assert done.returncode == 0, done.stderr
    assert repository.commit_of(f"v{VERSION}") == repository.head
    assert repository.git("tag", "--list", "--format=%(contents)", f"v{VERSION}") == (
        f"control-plane {VERSION}\n\n### Added\n\n- Something new."
    )
    assert f"git push origin main v{VERSION}" in done.stdout
    wheels = sorted((clone / "dist").glob("*.whl"))
    assert all(f"-{VERSION}-" in wheel.name for wheel in wheels)
    assert (clone / "dist" / "SHA256SUMS").read_text() == "".join(
        f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}\n" for wheel in wheels
    )
    tag(plan)  # as does a release that is said again


def test_a_wheel_that_cannot_be_built_leaves_no_tag(clone: Path) -> None:
    text = (clone / "pyproject.toml").read_text()
    (clone / "pyproject.toml").write_text(text.replace('include = "api"', 'include = "nowhere"'))
    commit(clone)
    failed = release(clone)
    assert failed.returncode == 1
    assert failed.stderr.endswith("mend it and say `make release` again\n")
    assert plan_of(clone, VERSION).repository.commit_of(f"v{VERSION}") is None


def test_a_refusal_changes_nothing(clone: Path) -> None:
    (clone / "new").touch()
    refused = release(clone)
    assert refused.returncode == 1
    assert refused.stderr.endswith(f"No release {VERSION}; nothing was changed.\n")
    assert not (clone / "dist").exists()
