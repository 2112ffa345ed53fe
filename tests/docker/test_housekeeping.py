"""What ended long ago is removed, and nothing else."""

import dataclasses
from datetime import timedelta

from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.housekeeping import Housekeeping
from control_plane_server.provisioners.docker.notes import Notes
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner
from tests.docker.conftest import container_request
from tests.docker.steps import NEW, launch


def housekeeping(engine: Engine, configuration: DockerConfiguration, retention: timedelta) -> Housekeeping:
    notes = Notes(engine, installation=configuration.installation)
    return Housekeeping(engine, notes, dataclasses.replace(configuration, retention=retention))


async def test_old_containers_and_notes_are_removed_with_their_logs(
    provisioner: DockerProvisioner, configuration: DockerConfiguration, engine: Engine, image: str
) -> None:
    gone = await launch(provisioner, container_request(image=image, function="greet"))
    running = await launch(provisioner, container_request(image=image, function="hold"))
    stopped = await launch(provisioner, container_request(image=image, function="hold"))
    withdrawn = container_request().name
    await provisioner.withdraw(withdrawn, age=NEW)
    await provisioner.stop(stopped)
    await provisioner.wait_for_exit(stopped)
    await provisioner.wait_for_exit(gone)
    everything = {str(container.name) for container in (gone, running, stopped)} | {
        str(withdrawn),
        f"{stopped.name}.stop",
    }
    await housekeeping(engine, configuration, timedelta(hours=1)).remove_old()
    assert await names(engine, configuration) == everything
    await housekeeping(engine, configuration, timedelta(seconds=-5)).remove_old()
    assert await names(engine, configuration) == {str(running.name)}


async def test_what_belongs_to_another_installation_is_left_alone(
    provisioner: DockerProvisioner, configuration: DockerConfiguration, engine: Engine, image: str
) -> None:
    container = await launch(provisioner, container_request(image=image, function="greet"))
    await provisioner.wait_for_exit(container)
    other = dataclasses.replace(configuration, installation="another")
    await housekeeping(engine, other, timedelta(seconds=-5)).remove_old()
    assert await names(engine, configuration) == {str(container.name)}


async def names(engine: Engine, configuration: DockerConfiguration) -> set[str]:
    found = await engine.containers((f"control-plane.installation={configuration.installation}",))
    return {container["Names"][0].removeprefix("/") for container in found}
