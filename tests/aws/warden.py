"""Clears up behind the stand-in when it dies, in whatever way: a process that holds its pipe.

What its containers run is killed, and its folder removed.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from control_plane.machine.processes import kill_session


class Warden:
    """The stand-in's side. The warden sees the pipe close when the stand-in is gone, and kills what is left."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.aws.warden", str(folder)], stdin=subprocess.PIPE, start_new_session=True
        )

    def watch(self, session_id: int) -> None:
        self._tell(f"+{session_id}\n")

    def forget(self, session_id: int) -> None:
        self._tell(f"-{session_id}\n")

    def close(self) -> None:
        """Clear up now, and wait for that."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()


def main() -> None:
    watched: set[int] = set()
    for line in sys.stdin:
        session_id = int(line[1:])
        if line[0] == "+":
            watched.add(session_id)
        else:
            watched.discard(session_id)
    for session_id in watched:
        kill_session(session_id)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
