"""Does what the plan says: kills servers and sessions, pauses a loop, and has the platform struck."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from tests.chaos.ledger import Ledger
from tests.chaos.plan import Fault, Target
from tests.chaos.stack import ChaosStack

# Longer than a heartbeat timeout: another loop takes over what the paused one believes to be its own.
_PAUSE_SECONDS = 24.0
_LOOK_SECONDS = 0.02
_AIM_SECONDS = 5.0


class Faults:
    def __init__(self, stack: ChaosStack, ledger: Ledger) -> None:
        self._stack = stack
        self._ledger = ledger

    async def run(self, faults: Iterator[Fault], *, duration: timedelta) -> None:
        """What is paused at the end of the time then goes on."""
        pauses: list[asyncio.Task[None]] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(duration.total_seconds()):
                for fault in faults:
                    await asyncio.sleep(fault.gap)
                    if fault.target is Target.LOOP_PAUSED:
                        pauses.append(asyncio.create_task(self._pause_loop(fault)))
                    elif await self._strike(fault):
                        self._ledger.faults[fault.target] += 1
        for pause in pauses:
            pause.cancel()
        await asyncio.gather(*pauses, return_exceptions=True)

    async def _strike(self, fault: Fault) -> bool:
        """Whether there was something to strike."""
        stack = self._stack
        match fault.target:
            case Target.API:
                return fault.chosen(stack.apis).kill(downtime=fault.downtime)
            case Target.LOOP | Target.LOOP_PAUSED:
                return fault.chosen(stack.loops).kill(downtime=fault.downtime)
            case Target.TEMPORAL:
                return stack.temporal.kill(downtime=fault.downtime)
            case Target.POSTGRES:
                return stack.postgres.kill(downtime=fault.downtime)
            case Target.POSTGRES_SESSION:
                return stack.postgres.kill_session(fault.choice)
            case _:
                return await self._strike_platform(fault)

    async def _strike_platform(self, fault: Fault) -> bool:
        """As soon as there is something to strike."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_AIM_SECONDS):
                while not await self._stack.platform.strike(fault, self._ledger):
                    await asyncio.sleep(_LOOK_SECONDS)
                return True
        return False

    async def _pause_loop(self, fault: Fault) -> None:
        """With all that it is just starting, and if possible while it starts a worker."""
        pid = fault.chosen(self._stack.loops).pid()
        if pid is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_AIM_SECONDS):
                await self._stack.platform.until_launch(pid)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGSTOP)
            self._ledger.faults[fault.target] += 1
        try:
            await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)
