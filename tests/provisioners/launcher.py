"""A process that launches one container: `python -m tests.provisioners.launcher DATA_DIR API_URL IMAGE
EXECUTION_ID`."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from control_plane_server.provisioners.process.provisioner import ProcessProvisioner
from tests.provisioners.conftest import container_request


async def main(data_dir: str, api_url: str, image: str, execution_id: str) -> None:
    provisioner = ProcessProvisioner(data_dir=Path(data_dir), api_url=api_url, stop_grace=timedelta(seconds=60))
    _say("ready")
    sys.stdin.readline()
    details = await provisioner.launch(container_request(Path(image), execution_id=execution_id))
    _say(details.identifier)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
