"""Where a function was, so that its next attempt, or its next container, goes on there.

    import control_plane as cp

    @cp.function(retries=3)
    def train(epochs: int) -> float:
        state = cp.checkpoint.load({"epoch": 0, "loss": 1.0})
        for epoch in range(state["epoch"], epochs):
            state = {"epoch": epoch + 1, "loss": step(state["loss"])}
            cp.checkpoint.save(state)
        return state["loss"]

An invocation has one checkpoint, the newest, and it goes with it. In tests and plain calls it is kept in this process:
by `with control_plane.testing.local():` for as long as the block runs, else for as long as the process does.
"""

from __future__ import annotations

import os
from json import loads
from typing import Any, Dict

from control_plane import context
from control_plane.encoding import encode
from control_plane.protocol.bounds import MAX_LARGE_CHECKPOINT_BYTES

__all__ = ["load", "save"]

_LOCAL = "checkpoint"  # its place among the variables of a call that is carried out here
_of_process: Dict[str, str] = {}


def save(value: Any) -> None:
    """Put this in place of what was saved before. When it returns, that is durable; until then the one before counts.

    Values are JSON, written as results are, of at most 64 MiB; of more than 16,384 bytes only where the control plane
    has an object store. Calls that come faster than ten a second wait. Raises TypeError for what is no JSON, ValueError
    for what is too long, and Unreachable.
    """
    text = encode(value, name="checkpoint")
    size = len(text.encode())
    if size > MAX_LARGE_CHECKPOINT_BYTES:
        raise ValueError(
            "the checkpoint has {:,} bytes of JSON, and at most {:,} are possible; keep what is larger elsewhere, "
            "and save where that is".format(size, MAX_LARGE_CHECKPOINT_BYTES)
        )
    kept = _kept_here()
    if kept is None:
        from control_plane.container import checkpoints  # noqa: PLC0415 - tests and applications have no use for it

        checkpoints.saver(os.getpid()).save(text)
    else:
        kept[_LOCAL] = text


def load(default: Any = None) -> Any:
    """What this invocation has saved last, in whichever attempt, as plain JSON; `default` if that is nothing. Raises
    Unreachable."""
    kept = _kept_here()
    if kept is None:
        from control_plane.container import checkpoints  # noqa: PLC0415

        text = checkpoints.saver(os.getpid()).load()
    else:
        text = kept.get(_LOCAL)
    return default if text is None else loads(text)


def _kept_here() -> Dict[str, str] | None:
    """Where it is, unless this is a container."""
    here = context.of_call.get() or (context.of_blocks[-1] if context.of_blocks else None)
    if here is None and not os.environ.get("MULTINODE_EXECUTION_ID"):
        return _of_process
    return here
