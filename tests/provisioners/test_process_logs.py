"""A process's log, as it is written by one and read by others."""

from pathlib import Path

from control_plane_server.domain.containers import Container
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner
from tests.provisioners import warm_logs
from tests.provisioners.conftest import container_request


async def test_each_execution_of_a_warm_container_has_its_own_part(
    provisioner: ProcessProvisioner, image: Path
) -> None:
    request = container_request(image, command=("sh", "-c", warm_logs.script()))
    container = Container(name=request.name, details=await provisioner.launch(request))
    await provisioner.wait_for_exit(container)
    for max_lines in (4, 250):
        await warm_logs.assert_parts(provisioner, container.details, max_lines=max_lines)
