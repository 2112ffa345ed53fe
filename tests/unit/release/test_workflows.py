"""Workflows call make's targets, so that what they do can be done on any machine."""

import re

import pytest

from requirements.sets import ROOT

TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for pattern in ("workflows/*.yml", "actions/*/action.yml")
    for path in (ROOT / ".github").glob(pattern)
}
[_PHONY] = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
TARGETS = set(_PHONY.split())


def test_targets_that_are_called_exist() -> None:
    calls = [call for text in TEXTS.values() for call in re.findall(r"run: (?:sudo )?make (?:\w+=\S+ )*(\S+)", text)]
    assert {"check", "test", "test-docker", "test-prometheus", "wheel", "image"} <= set(calls)
    assert set(calls) <= TARGETS


@pytest.mark.parametrize("path", TEXTS)
def test_actions_are_pinned(path: str) -> None:
    used = re.findall(r"uses: (\S+)", TEXTS[path])
    assert [use for use in used if not re.fullmatch(r"\./\S+|[\w-]+/[\w-]+@v\d+\.\d+\.\d+", use)] == []


@pytest.mark.parametrize("path", [path for path in TEXTS if "/workflows/" in path])
def test_workflows_may_only_read(path: str) -> None:
    assert re.findall(r"permissions:\n((?:  .*\n)+)", TEXTS[path]) == ["  contents: read\n"]
