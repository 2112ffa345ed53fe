"""Containers as coroutines of the process that measures: what the `loop` process launches is run here."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.http import Http, Json

ZERO = "zero"  # a function that does nothing
WARM = "warm"  # one that does nothing and keeps its containers
HOLD = "hold"  # functions of this prefix run until they are stopped
_REPORT: Json = {"outcome": "SUCCEEDED", "final_output": "42"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Of one container, in seconds since 1970: when it was asked for, and when it told that it was gone."""

    launched: float
    ended: float


class ContainerHost:
    """Runs containers by the protocol: start, finish; of those that are reused start, and what is next, which finishes
    short executions as well."""

    def __init__(self, http: Http, tasks: asyncio.TaskGroup) -> None:
        self._http = http
        self._tasks = tasks
        self._launches = 0
        self._launched = asyncio.Condition()
        self._serving: list[asyncio.Task[None]] = []
        self._begun: defaultdict[str, asyncio.Future[float]] = defaultdict(asyncio.get_running_loop().create_future)
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

    async def begun(self, execution_id: str) -> float:
        """When the user's code could begin, in seconds since 1970."""
        return await self._begun[execution_id]

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
                if message["is_warm"]:
                    containers.create_task(self._run_warm(message, writer))
                elif not message["function"].startswith(HOLD):
                    containers.create_task(self._run(message, writer))

    async def _run(self, message: dict[str, str], writer: asyncio.StreamWriter) -> None:
        path = message["path"]
        await self._start(path, message["token"])
        await self._http.put(f"{path}/finish", _REPORT, key=message["token"])
        life = Life(launched=float(message["time"]), ended=time.time())
        writer.write(message["name"].encode() + b"\n")
        future = self._lives[path.rpartition("/")[2]]
        if not future.done():
            future.set_result(life)

    async def _run_warm(self, message: dict[str, str], writer: asyncio.StreamWriter) -> None:
        """One execution after the other, until it is told to end."""
        said: Json = {"ended": None, "running": None}
        while True:
            answer = await self._http.post(f"{message['path']}/next", said, key=message["token"])
            said, lease = {"ended": None, "running": None}, answer["lease"]
            if answer["end"]:
                break
            if lease is not None:
                await self._start(lease["path"], lease["token"])
                ended = {"execution_id": lease["execution_id"], "launch": lease["launch"], "exit_code": 0}
                said |= {"ended": ended, "report": _REPORT | {"token": lease["token"]}}
        writer.write(message["name"].encode() + b"\n")

    async def _start(self, path: str, key: str) -> None:
        await self._http.put(f"{path}/start", key=key)
        begun = self._begun[path.rpartition("/")[2]]
        if not begun.done():
            begun.set_result(time.time())


@asynccontextmanager
async def hosting(socket: Path, http: Http) -> AsyncIterator[ContainerHost]:
    """While the body runs: what fails in a container is raised in it."""
    async with asyncio.TaskGroup() as tasks:
        host = ContainerHost(http, tasks)
        async with await asyncio.start_unix_server(host.accept, socket):
            yield host
