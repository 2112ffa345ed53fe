"""The log of a container of the `process` provisioner, to be written by a test."""

from pathlib import Path

from control_plane_server.provisioners.process.container_folders import folder_of

CONTAINER = {"container_type": "TEST", "container_identifier": "exe-0-1", "logs_identifier": "exe-0-1"}


class ContainerLog:
    """Of CONTAINER. `data_dir`: the provisioner's."""

    def __init__(self, data_dir: Path) -> None:
        folder = folder_of(data_dir, CONTAINER["logs_identifier"])
        folder.path.mkdir(parents=True)
        self.path = folder.log

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)
