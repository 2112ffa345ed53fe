"""PostgreSQL or Temporal fall silent, with every connection kept open; after that everything has to move again soon."""

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import httpx2

from tests.chaos.ledger import Ledger
from tests.chaos.plan import Fault, Target
from tests.chaos.stack import ChaosStack
from tests.chaos.watch import Watch

MOVING_WITHIN = timedelta(seconds=30)
_LOOK_SECONDS = 0.1
_REQUESTS = 15
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Between how many seconds one lasts: short ones are more frequent."""

    shortest: float
    longest: float

    def drawn(self, choice: float) -> float:
        """Seconds. `choice`: from 0 to 1."""
        return self.shortest * math.pow(self.longest / self.shortest, choice)


LONG_SILENCE = Silence(shortest=5.0, longest=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Movement:
    """What has been seen to happen, ever."""

    answers: int
    started: int
    ended: int


class Silences:
    def __init__(self, stack: ChaosStack, watch: Watch, ledger: Ledger, silence: Silence) -> None:
        self._stack = stack
        self._watch = watch
        self._ledger = ledger
        self._silence = silence

    async def keep(self, fault: Fault, *, is_over: asyncio.Event) -> None:
        """One, cut short when the load is over, and what comes of it. A drawn downtime means that the connections which
        were open then are never heard of again."""
        proxies = self._stack.proxies
        proxy = proxies.postgres if fault.target is Target.POSTGRES_SILENT else proxies.temporal
        if proxy.is_silent:
            return
        self._ledger.faults[fault.target] += 1
        await asyncio.gather(*map(self._serves, self._stack.api_urls))  # the more connections there are, the better
        proxy.fall_silent()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._silence.drawn(fault.choice)):
                    await is_over.wait()
        finally:
            if fault.downtime:
                proxy.lose_connections()
            proxy.speak()
        await self._see_movement(fault.target, is_over)

    async def _see_movement(self, target: Target, is_over: asyncio.Event) -> None:
        """Each `api` serves, executions begin and end: within the time after this silence, and any that began before it
        could be seen."""
        clock = asyncio.get_running_loop().time
        ended = clock()
        before = self._movement()
        serving = {url: asyncio.create_task(self._until_it_serves(url)) for url in self._stack.api_urls}
        try:
            while not (
                all(task.done() for task in serving.values()) and self._has_moved(before, has_load=not is_over.is_set())
            ):
                if self._stack.proxies.are_silent or self._ledger.has_another_temporal:
                    ended = clock()
                if clock() - ended > MOVING_WITHIN.total_seconds():
                    mute = [url for url, task in serving.items() if not task.done()]
                    self._ledger.violation(
                        f"{target}: {before}, and {MOVING_WITHIN} after its end {self._movement()}, {mute} do not serve"
                    )
                    return
                await asyncio.sleep(_LOOK_SECONDS)
            self._ledger.resumed.append(clock() - ended)
        finally:
            for task in serving.values():
                task.cancel()

    async def _until_it_serves(self, url: str) -> None:
        while not await self._serves(url):
            await asyncio.sleep(_LOOK_SECONDS)

    async def _serves(self, url: str) -> bool:
        """More at once than it has connections to PostgreSQL: so it has all of them, and none is silent."""
        headers = {"Authorization": f"Bearer {self._stack.api_key}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=_ANSWER_SECONDS, trust_env=False) as http:
            requests = (http.get("/projects") for _ in range(_REQUESTS))
            answers = await asyncio.gather(*requests, return_exceptions=True)
        return all(isinstance(answer, httpx2.Response) and answer.is_success for answer in answers)

    def _has_moved(self, before: _Movement, *, has_load: bool) -> bool:
        now = self._movement()
        if has_load:
            return now.answers > before.answers and now.started > before.started and now.ended > before.ended
        return now.ended > before.ended or now.started > before.started or not self._has_work()

    def _has_work(self) -> bool:
        latest = self._watch.latest
        return latest is None or any(invocation.is_running for invocation in latest.invocations.values())

    def _movement(self) -> _Movement:
        latest = self._watch.latest
        invocations = () if latest is None else latest.invocations.values()
        executions = [execution for invocation in invocations for execution in invocation.executions]
        return _Movement(
            answers=self._ledger.answers["200"],
            started=len(executions),
            ended=sum(not execution.is_live for execution in executions),
        )
