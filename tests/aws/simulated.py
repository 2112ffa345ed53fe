"""Containers that are no processes: hundreds of them cost nothing."""

import asyncio
import json
import time
from contextlib import suppress
from urllib.parse import quote

import httpx2

from tests.aws.containers import KILLED, TERMINATED, ContainerExit
from tests.aws.wire import Document, Settings

_RETRY_SECONDS = 0.2
_LOOK_SECONDS = 1.0
_PATH_VARIABLES = ("PROJECT_NAME", "VERSION_ID", "FUNCTION_NAME", "INVOCATION_ID", "EXECUTION_ID")
_PATH = "/projects/{}/versions/{}/functions/{}/invocations/{}/executions/{}"


class Hold:
    """`stand-in/hold`: runs until it is stopped, or ended by a test."""

    pid = None

    def __init__(self) -> None:
        self._exit: asyncio.Future[ContainerExit] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Nothing to do."""

    async def exited(self) -> ContainerExit:
        return await asyncio.shield(self._exit)

    def terminate(self) -> None:
        self.end(TERMINATED)

    async def kill(self) -> None:
        self.end(KILLED)

    def end(self, exit_code: int) -> None:
        if not self._exit.done():
            self._exit.set_result(ContainerExit(exit_code))


class Answer:
    """`stand-in/answer`: speaks the worker protocol, and succeeds after a while. SIGTERM makes it ABORTED."""

    pid = None

    def __init__(self, environment: dict[str, str], session: httpx2.AsyncClient, settings: Settings) -> None:
        self._session = session
        self._settings = settings
        self._own_seconds = environment.get("STAND_IN_ANSWER_SECONDS")
        values = [quote(environment.get(f"MULTINODE_{name}", ""), safe="") for name in _PATH_VARIABLES]
        self._url = environment.get("MULTINODE_API_URL", "").rstrip("/") + _PATH.format(*values)
        self._headers = {"Authorization": "Bearer " + environment.get("MULTINODE_API_KEY", "")}
        self._stop = asyncio.Event()
        self._life: asyncio.Task[int] | None = None

    async def start(self) -> None:
        self._life = asyncio.create_task(self._live())

    async def exited(self) -> ContainerExit:
        assert self._life is not None
        await asyncio.wait({self._life})
        return ContainerExit(KILLED if self._life.cancelled() else self._life.result())

    def terminate(self) -> None:
        self._stop.set()

    async def kill(self) -> None:
        if self._life is not None:
            self._life.cancel()

    async def _live(self) -> int:
        try:
            await self._request("GET", "")
            await self._request("PUT", "/start")
            await self._work()
            outcome = "ABORTED" if self._stop.is_set() else "SUCCEEDED"
            body: Document = {
                "outcome": outcome,
                "final_output": json.dumps("answer") if outcome != "ABORTED" else None,
            }
            await self._request("PUT", "/finish", {**body, "error_message": None})
        except _Refused:
            return 1
        return TERMINATED if self._stop.is_set() else 0

    async def _work(self) -> None:
        """Until its time is over, which a test may change meanwhile, or it is stopped."""
        began = time.monotonic()
        while not self._stop.is_set():
            seconds = self._settings.answer_seconds if self._own_seconds is None else float(self._own_seconds)
            left = began + seconds - time.monotonic()
            if left <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), min(left, _LOOK_SECONDS))

    async def _request(self, method: str, path: str, body: Document | None = None) -> None:
        """Again and again until there is a clear answer. Raises _Refused."""
        is_repeat = False
        while True:
            with suppress(httpx2.TransportError):
                answer = await self._session.request(method, self._url + path, json=body, headers=self._headers)
                if answer.status_code < 400 or (answer.status_code == 409 and is_repeat):
                    return
                if answer.status_code < 500 and answer.status_code != 429:
                    raise _Refused
            is_repeat = True
            await asyncio.sleep(_RETRY_SECONDS)


class _Refused(Exception):
    """The API said no."""
