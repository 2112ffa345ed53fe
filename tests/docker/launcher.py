"""A process that launches one container: `python -m tests.docker.launcher INSTALLATION API_URL IMAGE EXECUTION_ID`."""

import asyncio
import sys

from control_plane_server.provisioners.docker.factory import open_docker_provisioner
from tests.docker.conftest import configuration_of, container_request
from tests.docker.steps import NEW


async def main(installation: str, api_url: str, image: str, execution_id: str) -> None:
    async with open_docker_provisioner(configuration_of(installation, api_url)) as provisioner:
        _say("ready")
        sys.stdin.readline()
        request = container_request(image=image, function="greet", execution_id=execution_id)
        _say((await provisioner.launch(request, age=NEW)).identifier)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
