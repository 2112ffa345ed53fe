"""Users under whom processes are restarted: they try again if a connection is refused, and put up with nothing else."""

import asyncio
import itertools
import json
from typing import Any

import httpx2

from tests.chaos.stack import ChaosStack

Json = dict[str, Any]
_RETRY_SECONDS = 0.02


class Users:
    """Each submits, and reads until what it submitted has ended, until `stop` is set: so a slow machine is not given
    more work than it does meanwhile. What went wrong is in `lost`."""

    def __init__(self, stack: ChaosStack, invocations: str) -> None:
        """`invocations`: the path of a function's."""
        self.stop = asyncio.Event()
        self.lost: list[str] = []
        self.submitted: list[str] = []
        self.requests = 0
        self.refused = 0
        self._urls = itertools.cycle(stack.api_urls)
        self._invocations = invocations
        self._headers = {"Authorization": f"Bearer {stack.api_key}"}

    async def run(self, arguments: Json, *, users: int, pause: float) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(users):
                group.create_task(self._use(arguments, pause))

    async def _use(self, arguments: Json, pause: float) -> None:
        while not self.stop.is_set():
            answer = await self.request("POST", self._invocations, {"input": json.dumps(arguments)})
            if answer is not None:
                self.submitted.append(answer["invocation_id"])
                await self._see_to_its_end(answer["invocation_id"], pause)

    async def _see_to_its_end(self, invocation_id: str, pause: float) -> None:
        while not self.stop.is_set():
            await asyncio.sleep(pause)
            answer = await self.request("GET", f"{self._invocations}/{invocation_id}")
            if answer is not None and answer["invocation_status"] == "TERMINATED":
                return

    async def request(self, method: str, path: str, body: Json | None = None) -> Json | None:
        """A connection of its own each time, as most clients of a control plane have."""
        while True:
            try:
                async with httpx2.AsyncClient(
                    base_url=next(self._urls), headers=self._headers, trust_env=False
                ) as http:
                    response = await http.request(method, path, json=body, timeout=30.0)
            except httpx2.ConnectError:
                self.refused += 1
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            except httpx2.TransportError as error:
                self.lost.append(f"{method} {path}: {error!r}")
                return None
            self.requests += 1
            if response.status_code != 200:
                self.lost.append(f"{method} {path}: {response.status_code} {response.text}")
                return None
            answer: Json = response.json()
            return answer
