"""The `loop` process as it is, but for its provisioner: `python -m benchmarks.loop SOCKET --provisioner process`."""

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from benchmarks.provisioner import RemoteProvisioner, connect_provisioner
from control_plane_server.processes.loop import main
from environment.loading import Settings


def _main() -> None:
    socket = Path(sys.argv.pop(1))

    def open_provisioner(_settings: Settings) -> AbstractAsyncContextManager[RemoteProvisioner]:
        return connect_provisioner(socket)

    main(open_provisioner)


if __name__ == "__main__":
    _main()
