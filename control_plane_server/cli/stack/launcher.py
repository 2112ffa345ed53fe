"""Records the process it runs in, then becomes the command: `launcher.py RECORD PARENT_PID COMMAND…`.

The child records itself so that there is no instant at which a server runs unrecorded: if whoever started it was killed
before the record was written, the child sees that and ends.
"""

import os
import sys
from pathlib import Path

from control_plane.machine.processes import process_of
from control_plane.machine.records import write_record


def main() -> None:
    record, parent, *command = sys.argv[1:]
    this = process_of(os.getpid())
    if this is not None:
        write_record(Path(record), this)
    if os.getppid() != int(parent):
        sys.exit("the stack that started this server is gone")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
