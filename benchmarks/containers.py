"""Containers as coroutines of the process that measures: what the `loop` process launches is run here."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.http import Http

ZERO = "zero"  # a function that does nothing
HOLD = "hold"  # functions of this prefix run until they are stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Of one container, in seconds since 1970: when it was asked for, and when it told that it was gone."""

    launched: float
    ended: float


class ContainerHost:
    """Runs containers by the worker protocol: read the execution, start, finish."""

    def __init__(self, http: Http, tasks: asyncio.TaskGroup) -> None:
        self._http = http
        self._tasks = tasks
        self._launches = 0
        self._launched = asyncio.Condition()
        self._serving: list[asyncio.Task[None]] = []
        self._lives: defaultdict[str, asyncio.Future[Life]] = defaultdict(asyncio.get_running_loop().create_future)

    @property
    def launches(self) -> int:
        """How many there have been."""
        return self._launches

    async def until_launched(self, count: int) -> None:
        async with self._launched:
            await self._launched.wait_for(lambda: self._launches >= count)

    async def life(self, execution_id: str) -> Life:
        """Once it is over."""
        return await self._lives[execution_id]

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve somebody who launches containers. A container's failure, or the launcher's death, ends the benchmark:
        nobody would see the end."""
        self._serving.append(self._tasks.create_task(self._serve(reader, writer)))

    def let_go(self) -> None:
        """Of all containers, before the servers that they call are stopped: their failures would hide the first."""
        for task in self._serving:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.TaskGroup() as containers:
            while line := await reader.readline():
                message = json.loads(line)
                async with self._launched:
                    self._launches += 1
                    self._launched.notify_all()
                if not message["function"].startswith(HOLD):
                    containers.create_task(self._run(message, writer))

    async def _run(self, message: dict[str, str], writer: asyncio.StreamWriter) -> None:
        path, key = message["path"], message["token"]
        await self._http.get(path, key=key)
        await self._http.put(f"{path}/start", key=key)
        await self._http.put(f"{path}/finish", {"outcome": "SUCCEEDED", "final_output": "42"}, key=key)
        life = Life(launched=float(message["time"]), ended=time.time())
        writer.write(message["name"].encode() + b"\n")
        future = self._lives[path.rpartition("/")[2]]
        if not future.done():
            future.set_result(life)


@asynccontextmanager
async def hosting(socket: Path, http: Http) -> AsyncIterator[ContainerHost]:
    """While the body runs: what fails in a container is raised in it."""
    async with asyncio.TaskGroup() as tasks:
        host = ContainerHost(http, tasks)
        async with await asyncio.start_unix_server(host.accept, socket):
            yield host
