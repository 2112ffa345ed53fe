"""For tests of functions that call others: no server, no containers.

    import control_plane as cp
    from main import total

    def test_total():
        with cp.testing.local():
            assert total([1, 2, 3]) == 14

A declared function can be tested without any of this as long as it calls no others: calling it is a plain call.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator

from control_plane import calls, context
from control_plane.local_calls import LocalCaller, variables_of

__all__ = ["local"]


@contextlib.contextmanager
def local(**functions: Callable[..., Any]) -> Iterator[None]:
    """While the block runs, what is submitted runs in this process at once, with JSON in between as in containers.

    What is declared by modules that were imported can be called; `functions` are more of them, or stand for them.
    `control_plane.current()` speaks of a call made up for the block, and of each child within it.
    """
    caller = LocalCaller(functions)
    variables = variables_of(None, invocation_id="inv-local", function_name="local")
    calls.local_callers.append(caller)
    context.of_blocks.append(variables)
    try:
        yield
    finally:
        calls.local_callers.remove(caller)
        # By identity: those of two blocks may be equal.
        context.of_blocks[:] = [block for block in context.of_blocks if block is not variables]
