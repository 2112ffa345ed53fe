"""Random numbers of an execution are no other's, though all are copies of one process."""

from __future__ import annotations

import contextlib
import sys


def seed() -> None:
    """What the user's module has loaded. Never raises."""
    for name in ("random", "numpy.random", "torch"):
        module = sys.modules.get(name)
        with contextlib.suppress(Exception):  # it may be a module of the user's own
            if module is not None:
                module.seed()
