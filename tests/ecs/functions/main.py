"""Functions of the tests on ECS. They meet the test through files, whose paths are arguments."""

import time
from pathlib import Path


def double(number):
    print(f"doubling {number}")
    return 2 * number


def note_and_hold(notes, release):
    """Notes that it runs, then waits to be released. Says how often it was begun."""
    with open(notes, "a") as file:
        file.write("run\n")
    while not Path(release).exists():
        time.sleep(0.02)
    return len(Path(notes).read_text().splitlines())


def hoard():
    """Takes more memory than any function here may have."""
    hoarded = []
    while True:
        hoarded.append(bytearray(64 * 1024 * 1024))
        time.sleep(0.01)
