"""The container agent: pulls images, starts containers, and kills those that take more memory than their task has."""

import asyncio
import itertools
import shutil
from pathlib import Path

import httpx2
from control_plane.deployment.runtime_copies import runtime_path

from tests.aws.containers import CannotStart, Container
from tests.aws.log_driver import LogDriver
from tests.aws.processes import ProcessContainer, Program, sessions_memory
from tests.aws.simulated import Answer, Hold
from tests.aws.start_failures import NO_SUCH_IMAGE, NO_SUCH_PLATFORM, in_full
from tests.aws.tasks import Task
from tests.aws.warden import Warden
from tests.aws.wire import ANSWER_IMAGE, HOLD_IMAGE, Document, Settings

_MIB = 1 << 20
_ARCHITECTURE = "X86_64"  # of all images that are folders, whatever runs them here


class Agent:
    """`images` maps the names that task definitions use to folders, each with a main.py. `folder` is its own to use."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.images: dict[str, Path] = {}
        self._settings = settings
        self._folder = folder
        self._runtime = runtime_path(folder)
        self._warden = Warden(folder)
        self._session = httpx2.AsyncClient(
            timeout=30, trust_env=False, limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100)
        )
        self._processes: dict[str, list[ProcessContainer]] = {}

    def pull(self, task: Task, container: Document, log: LogDriver) -> Container:
        """The container of this definition, ready to start. Raises CannotStart."""
        image = str(container["image"])
        if image == HOLD_IMAGE:
            return Hold()
        if image == ANSWER_IMAGE:
            return Answer(task.environment_of(container), self._session, self._settings)
        if image not in self.images:
            raise CannotStart(in_full(NO_SUCH_IMAGE, image=image))
        if task.definition.cpu_architecture != _ARCHITECTURE:
            platform = task.definition.cpu_architecture.lower()
            raise CannotStart(in_full(NO_SUCH_PLATFORM, image=image, platform=platform))
        program = Program(
            folder=self.images[image],
            command=task.command_of(container),
            environment=task.environment_of(container),
            memory_mib=task.memory_mib,
            has_init=bool(container.get("linuxParameters", {}).get("initProcessEnabled")),
            mounts={
                mount["containerPath"]: self._volumes(task) / mount["sourceVolume"]
                for mount in container.get("mountPoints", [])
            },
        )
        work = self._folder / f"{task.id}-{container['name']}"
        process = ProcessContainer(program, work=work, runtime=self._runtime, warden=self._warden, on_line=log.add)
        self._processes.setdefault(task.id, []).append(process)
        return process

    def forget(self, task: Task) -> None:
        """It is gone, and its volumes with it."""
        self._processes.pop(task.id, None)
        shutil.rmtree(self._volumes(task), ignore_errors=True)

    async def watch_memory(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._settings.memory_check_seconds)
            containers = itertools.chain.from_iterable(self._processes.values())
            running = {each.pid: each for each in containers if each.pid is not None}
            if not running:
                continue
            for pid, used in (await asyncio.to_thread(sessions_memory, set(running))).items():
                if used > running[pid].program.memory_mib * _MIB:
                    await running[pid].kill_for_memory()

    def _volumes(self, task: Task) -> Path:
        return self._folder / f"{task.id}-volumes"

    async def close(self) -> None:
        """Kill every container and remove the folder."""
        await asyncio.to_thread(self._warden.close)
        await self._session.aclose()
