"""The smallest functions: one that answers, one that reports its progress, one that fails."""

import time

import control_plane as cp


@cp.function
def greet(name: str = "world"):
    return f"Hello, {name}!"


@cp.function(max_concurrency=2, timeout=600)
def count(to: int = 5, seconds: float = 1.0):
    """Each value that is yielded is the invocation's output until the next one; the returned value is its last."""
    for number in range(1, to + 1):
        print(f"counted to {number}")
        yield number
        time.sleep(seconds)
    return {"counted_to": to}


@cp.function(retries=2, retry_delay=1)
def fail(message: str = "as asked"):
    raise ValueError(message)
