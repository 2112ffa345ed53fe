"""Functions that run under any release: the module of the first one was called `runtime`."""

import os
import time
from pathlib import Path

try:
    from runtime import invocations
    from runtime.termination import InvocationInterrupted as Stopped

    def start(function, arguments):
        return invocations.start(function, arguments)

except ImportError:
    import control_plane as cp
    from control_plane import Stopped

    def start(function, arguments):
        return cp.submit(function, **arguments)


def note_and_hold(notes, release):
    """Notes that it runs, then waits to be released."""
    _note(notes)
    _await(release)
    return len(Path(notes).read_text().splitlines())


def fail_at_first(notes, failures):
    """Fails as often as asked, then says how often it ran."""
    runs = _note(notes)
    if runs <= failures:
        raise ValueError(f"run {runs}")
    return runs


def call_and_wait(notes, release, depth):
    """A chain of invocations, `depth` deep, the last of which holds."""
    if depth == 0:
        return note_and_hold(notes, release)
    return start("call_and_wait", {"notes": notes, "release": release, "depth": depth - 1}).result()


def clean_up_when_stopped(notes, release):
    """Reports what it did in its grace period, which lasts until it is released."""
    try:
        note_and_hold(notes, "/nonexistent")
    except Stopped as stopped:
        yield type(stopped).__name__
        _await(release)
        yield "cleaned up"
        raise


def _note(notes):
    with open(notes, "a") as file:
        file.write(f"{os.getpid()}\n")
    return len(Path(notes).read_text().splitlines())


def _await(release):
    while not Path(release).exists():
        time.sleep(0.02)
