"""Does what the plan says: kills servers and sessions, pauses a loop, silences servers, and has the platform struck."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

from tests.chaos.ledger import Ledger
from tests.chaos.plan import Fault, Target
from tests.chaos.silences import Silences
from tests.chaos.stack import ChaosStack

# Longer than a heartbeat timeout: another loop takes over what the paused one believes to be its own.
_PAUSE_SECONDS = 24.0
_LOOK_SECONDS = 0.02
_AIM_SECONDS = 5.0


class Faults:
    def __init__(self, stack: ChaosStack, silences: Silences, ledger: Ledger, is_over: asyncio.Event) -> None:
        """`is_over`: set when the last one has struck."""
        self._stack = stack
        self._silences = silences
        self._ledger = ledger
        self._is_over = is_over

    async def run(self, faults: Iterator[Fault], *, duration: timedelta, is_enough: Callable[[], bool]) -> None:
        """For so long, and on a busy machine until it is enough, twice as long at most. What is paused or silent at the
        end goes on then."""
        clock = asyncio.get_running_loop().time
        end = clock() + duration.total_seconds()
        async with asyncio.TaskGroup() as lasting:
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * duration.total_seconds()):
                    for fault in faults:
                        if clock() >= end and is_enough():
                            break
                        await asyncio.sleep(fault.gap)
                        match fault.target:
                            case Target.LOOP_PAUSED:
                                lasting.create_task(self._pause_loop(fault))
                            case Target.POSTGRES_SILENT | Target.TEMPORAL_SILENT:
                                lasting.create_task(self._silences.keep(fault, is_over=self._is_over))
                            case _ if await self._strike(fault):
                                self._ledger.faults[fault.target] += 1
            self._is_over.set()

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
        """With all that it is just starting, and if possible while it starts a container."""
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
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await self._is_over.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)
