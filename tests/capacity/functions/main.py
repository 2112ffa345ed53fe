"""Functions of the capacity tests. They meet the test through files, whose paths are arguments."""

import time
from pathlib import Path

from control_plane import Stopped


def answer() -> int:
    """As quick as a function can be."""
    return 42


def hold(notes: str) -> None:
    """Holds its slot until it is stopped, and notes when it began and when it was told to stop."""
    with Path(notes).open("a", buffering=1) as file:
        try:
            file.write(f"{time.time()}\n")
            while True:
                time.sleep(60)
        except Stopped:
            file.write(f"{time.time()}\n")
            raise
