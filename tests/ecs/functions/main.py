"""Functions of the tests on ECS. They meet the test through files, whose paths are arguments."""

import time
from pathlib import Path

import control_plane as cp


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


def work_in_steps(notes, holds):
    """Saves each step that it has noted. Before steps 3 and 5 it notes that it holds, until it is told to stop: then it
    saves that it was."""
    done = cp.checkpoint.load({"step": 0, "stops": 0})
    for step in range(done["step"] + 1, 7):
        if step in (3, 5) and done["stops"] < step // 2:
            try:
                note_and_hold(holds, "/nonexistent")
            except cp.Stopped:
                cp.checkpoint.save({**done, "stops": done["stops"] + 1})
                raise
        with open(notes, "a") as file:
            file.write(f"{step}\n")
        done = {**done, "step": step}
        cp.checkpoint.save(done)
    return done
