"""Notes that are stored on the engine, as containers that never run: names are unique there, and they outlive a
process.

A note under a container's name: the name was withdrawn, no container is started under it. A note under the name
followed by `.stop`: the container was asked to stop, and is to be killed at the time in a label of the note.
"""

import io
import tarfile
import time
from collections.abc import Mapping
from datetime import timedelta

from aiodocker.exceptions import DockerError

from control_plane_server.provisioners.docker.engine import (
    Engine,
    NameIsTaken,
    NoSuchImage,
    translate_connection_errors,
)
from control_plane_server.provisioners.docker.failures import error_of
from control_plane_server.provisioners.docker.requests import INSTALLATION

_WITHDRAWN = "control-plane.withdrawn"
_KILL_TIME = "control-plane.kill-time"  # seconds since 1970
_EMPTY_IMAGE = "control-plane-note:1"
_STOP = ".stop"


class Notes:
    """The notes of one installation."""

    def __init__(self, engine: Engine, *, installation: str) -> None:
        self._engine = engine
        self._installation = installation

    async def withdraw(self, container: str) -> None:
        """Take the name, so that no container can be created under it. Raises NameIsTaken."""
        await self._write(container, {_WITHDRAWN: container})

    async def stop(self, container: str, *, grace: timedelta) -> None:
        """Record that the container is to be killed after `grace`. The first such note stays."""
        try:
            await self._write(_stop_name(container), {_KILL_TIME: f"{time.time() + grace.total_seconds():.3f}"})
        except NameIsTaken:
            return

    async def is_stopped(self, container: str) -> bool:
        """Whether `stop` was called for the container."""
        return await self._engine.inspect(_stop_name(container)) is not None

    async def forget(self, container: str) -> None:
        """Remove the note that the container was stopped, if there is one."""
        await self._engine.remove(_stop_name(container))

    async def overdue(self) -> frozenset[str]:
        """Names of containers whose grace period is over, whether they are gone or not."""
        notes = await self._engine.containers((_KILL_TIME, f"{INSTALLATION}={self._installation}"))
        now = time.time()
        return frozenset(
            note["Names"][0].removeprefix("/").removesuffix(_STOP)
            for note in notes
            if float(note["Labels"][_KILL_TIME]) <= now
        )

    async def _write(self, name: str, labels: Mapping[str, str]) -> None:
        note = {"Image": _EMPTY_IMAGE, "Cmd": ["-"], "Labels": {INSTALLATION: self._installation, **labels}}
        try:
            await self._engine.create(name, note)
        except NoSuchImage:
            await self._make_empty_image()
            await self._engine.create(name, note)

    async def _make_empty_image(self) -> None:
        try:
            async with translate_connection_errors():
                await self._engine.docker.images.build(
                    fileobj=_context_of_an_empty_image(), encoding="identity", tag=_EMPTY_IMAGE
                )
        except DockerError as error:
            raise error_of(error) from error


def is_withdrawal(labels: Mapping[str, str]) -> bool:
    return _WITHDRAWN in labels


def _stop_name(container: str) -> str:
    return container + _STOP


def _context_of_an_empty_image() -> io.BytesIO:
    dockerfile = b'FROM scratch\nLABEL org.opencontainers.image.title="A note of control-plane; never run"\n'
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        archive.addfile(member, io.BytesIO(dockerfile))
    context.seek(0)
    return context
