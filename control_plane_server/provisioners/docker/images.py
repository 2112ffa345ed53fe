"""Images: found on the engine or pulled, and named so that every launch of a function runs the same one."""

import re
from typing import Any

from aiodocker.exceptions import DockerError

from control_plane_server.domain.errors import FunctionFailure, Unavailable
from control_plane_server.liveness.progress import note_progress
from control_plane_server.provisioners.docker.configuration import DockerConfiguration, PullPolicy
from control_plane_server.provisioners.docker.engine import Engine, Json, translate_connection_errors
from control_plane_server.provisioners.docker.failures import NOT_FOUND, error_of, refused_pull

_DEFAULT_REGISTRY = "docker.io"
_NAME = re.compile(r"\w[\w.:@-]*(/\w[\w.:@-]*)*", re.ASCII)


class Images:
    """The engine's images. Raises the errors of `provisioners.contract`."""

    def __init__(self, engine: Engine, configuration: DockerConfiguration) -> None:
        self._engine = engine
        self._logins = configuration.logins
        self._pull = configuration.pull

    async def pin(self, image: str, *, needs_program: bool) -> str:
        """A name that never means another image: `repository@digest` if the image came from a registry, else its
        identifier on the engine. The image is pulled if need be.

        `needs_program`: it must have an ENTRYPOINT or a CMD. Raises FunctionFailure if there is no such image or
        program; Unavailable also if the image is missing after a pull, as the connection was lost or somebody removed
        the image.
        """
        if _NAME.fullmatch(image) is None:
            raise FunctionFailure(f"{image!r} is not the name of an image")
        found = await self._find(image) if self._pull is PullPolicy.MISSING else None
        if found is None:
            await self.pull(image)
            found = await self._find(image)
        if found is None:
            raise Unavailable(f"The image {image!r} is not on the engine, though it was just pulled")
        if needs_program and not (found["Config"].get("Entrypoint") or found["Config"].get("Cmd")):
            raise FunctionFailure(f"The image {image!r} names no program to run: it has neither ENTRYPOINT nor CMD")
        return _digest_name(image, found) or str(found["Id"])

    async def pull(self, image: str) -> None:
        """Raises FunctionFailure if the registry has no such image, or if the name is an identifier, which cannot be
        pulled."""
        if image.startswith("sha256:"):
            raise FunctionFailure(f"The image {image} is no longer on the engine, and came from no registry")
        login = self._logins.get(registry_of(image))
        auth = None if login is None else {"username": login.username, "password": login.password}
        if auth is not None:
            auth["serveraddress"] = registry_of(image)
        try:
            async with translate_connection_errors(), self._engine.open_client() as docker:
                async for _ in docker.images.pull(image, auth=auth, stream=True):
                    note_progress()
        except DockerError as error:
            raise refused_pull(image, error) from error

    async def _find(self, image: str) -> Json | None:
        try:
            async with translate_connection_errors():
                return await self._engine.docker.images.inspect(image)
        except DockerError as error:
            if error.status == NOT_FOUND:
                return None
            raise error_of(error) from error


def registry_of(image: str) -> str:
    """The host of an image's registry, with its port if the name has one; `docker.io` for names without a host."""
    host, slash, _ = image.partition("/")
    return host if slash and ("." in host or ":" in host or host == "localhost") else _DEFAULT_REGISTRY


def _digest_name(image: str, found: dict[str, Any]) -> str | None:
    """The image by its content, in the repository of the name that it was asked by."""
    repository = image.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    names = {name.partition("@")[0]: name for name in found.get("RepoDigests") or ()}
    digest_name: str | None = names.get(repository.removeprefix(f"{_DEFAULT_REGISTRY}/").removeprefix("library/"))
    return digest_name or names.get(repository)
