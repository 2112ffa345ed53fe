"""What keeps a release from being made."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from release.checks import problems
from requirements.comparison import content_hash
from requirements.sets import SETS
from tests.release.repositories import commit, plan_of

Change = Callable[[Path], object]

PYPROJECT = """
[project]
name = "control-plane"
version = "1.2.0"
dependencies = ["control-plane-client==1.2.0"]

[tool.poetry]
packages = []
"""
CLIENT = """
[project]
name = "control-plane-client"
version = "1.2.0"
"""
CHANGELOG = """# Changelog

## Unreleased

## 1.2.0 - 2026-11-01

- Something new.

## 1.1.0 - 2026-10-01

- Something older.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What can be released as 1.2.0."""
    root = tmp_path / "clone"
    (root / "sdk").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "sdk" / "pyproject.toml").write_text(CLIENT)
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    (root / "README.md").write_text("The newest release is 1.2.0.\n")
    declared = {
        "project": {"dependencies": ["control-plane-client==1.2.0"]},
        "tool": {"poetry": {}},
    }
    (root / "poetry.lock").write_text(f'package = []\n[metadata]\ncontent-hash = "{content_hash(declared)}"\n')
    (root / "requirements").mkdir()
    for each in SETS:
        (root / each.file).write_text("")
    commit(root)
    return root


def found(root: Path, version: str = "1.2.0") -> list[str]:
    return list(problems(plan_of(root, version)))


def test_nothing_keeps_a_release_that_is_prepared(root: Path) -> None:
    assert found(root) == []


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.0", "1.2.0-rc1", "01.2.0", "1.2.0; rm"])
def test_what_is_no_version(root: Path, version: str) -> None:
    assert found(root, version) == [f"{version!r} is no version: say VERSION=1.2.3"]


def rewrite(path: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))
        commit(root)

    return change


def git(*arguments: str) -> Change:
    return lambda root: subprocess.run(("git", *arguments), cwd=root, check=True)


def in_turn(*changes: Change) -> Change:
    return lambda root: [change(root) for change in changes]


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda root: (root / "new").touch(), "the work tree is not clean (?? new)"),
        (git("switch", "--quiet", "--create", "feature"), "this is feature: releases are made from main"),
        (git("switch", "--quiet", "--detach"), "this is no branch: releases are made from main"),
        (
            in_turn(git("tag", "v1.2.0"), rewrite("README.md", "The", "Our")),
            "v1.2.0 is the tag of another commit: choose the next version",
        ),
        (rewrite("CHANGELOG.md", "## 1.2.0 -", "## 1.2.01 -"), "CHANGELOG.md has no section 1.2.0"),
        (rewrite("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- New.\n"), "CHANGELOG.md must begin with"),
        (rewrite("CHANGELOG.md", "## Unreleased\n", ""), "CHANGELOG.md must begin with"),
        (
            rewrite("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n## 1.3.0 - 2026-11-02\n\n- Newer.\n"),
            "CHANGELOG.md tells of other releases before 1.2.0",
        ),
        (rewrite("CHANGELOG.md", "- Something new.\n", ""), "CHANGELOG.md says nothing about 1.2.0"),
        (rewrite("CHANGELOG.md", " - 2026-11-01", ""), "CHANGELOG.md must date 1.2.0"),
        (rewrite("CHANGELOG.md", " - 2026-11-01", f" - {TOMORROW}"), "CHANGELOG.md must date 1.2.0"),
        (rewrite("pyproject.toml", 'version = "1.2.0"', 'version = "1.1.0"'), "pyproject.toml says version 1.1.0"),
        (rewrite("sdk/pyproject.toml", "1.2.0", "1.1.0"), "sdk/pyproject.toml says version 1.1.0: make it 1.2.0"),
        (rewrite("README.md", "1.2.0", "1.2.01"), "README.md does not name 1.2.0"),
        (rewrite("requirements/server.txt", "", "rich==1.0\n"), "requirements/server.txt is not what poetry.lock says"),
    ],
)  # fmt: skip
def test_what_keeps_a_release_is_said_by_itself(root: Path, change: Change, problem: str) -> None:
    change(root)
    [line] = found(root)
    assert line.startswith(problem)


def test_a_release_that_depends_on_another(root: Path) -> None:
    rewrite("pyproject.toml", "client==1.2.0", "client==1.1.0")(root)
    assert "pyproject.toml depends on control-plane-client==1.1.0: make it 1.2.0" in found(root)


def test_all_of_it_is_said_at_once(root: Path) -> None:
    (root / "new").touch()
    assert len(found(root, "1.3.0")) > 3


def test_a_tag_of_this_very_commit_keeps_nothing(root: Path) -> None:
    git("tag", "v1.2.0")(root)
    assert found(root) == []


def test_tests_must_have_passed_on_this_commit(root: Path) -> None:
    (root / ".gitignore").write_text("/.tested\n")
    commit(root)
    plan = replace(plan_of(root, "1.2.0"), is_tested=False)
    [line] = problems(plan)
    assert line.startswith("`make test` has not passed on this commit")
    (root / ".tested").write_text(f"{plan.repository.head}\n")
    assert list(problems(plan)) == []
    rewrite("README.md", "The", "Our")(root)
    assert len(list(problems(plan))) == 1


def test_an_image_needs_an_engine(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    [line] = problems(replace(plan_of(root, "1.2.0"), with_image=True))
    assert line.startswith("no Docker engine answers")
