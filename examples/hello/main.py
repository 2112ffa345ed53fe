"""The smallest functions: one that answers, one that reports its progress, one that fails."""

import time

from control_plane.declare import function


@function
def greet(name="world"):
    return f"Hello, {name}!"


@function(max_concurrency=2, timeout_seconds=600)
def count(to=5, seconds=1.0):
    """Each value that is yielded is the invocation's output until the next one; the returned value is its last."""
    for number in range(1, to + 1):
        print(f"counted to {number}")
        yield number
        time.sleep(seconds)
    return {"counted_to": to}


@function(max_retries=2, retry_initial_interval_seconds=1)
def fail(message="as asked"):
    raise ValueError(message)
