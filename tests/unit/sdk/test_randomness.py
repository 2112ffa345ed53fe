"""What the user's module has loaded is seeded anew, whatever else has such a name."""

import random
import sys
from types import SimpleNamespace

import pytest
from control_plane.container.warm import randomness


def test_what_is_loaded_is_seeded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[str] = []
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(seed=lambda: seeds.append("torch")))
    monkeypatch.setitem(sys.modules, "numpy.random", SimpleNamespace())  # the user's own
    state = random.getstate()
    randomness.seed()
    assert seeds == ["torch"]
    assert random.getstate() != state
