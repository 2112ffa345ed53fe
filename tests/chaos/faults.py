"""Does what the plan says: kills servers, sessions and workers, and pauses a loop."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar, assert_never

import psutil

from tests.chaos.ledger import Ledger
from tests.chaos.plan import Fault, Target
from tests.chaos.stack import ChaosStack
from tests.chaos.workers import is_supervisor

# Longer than a heartbeat timeout: another loop takes over what the paused one believes to be its own.
_PAUSE_SECONDS = 24.0
_LOOK_SECONDS = 0.02
_AIM_SECONDS = 5.0
Victim = TypeVar("Victim")


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
                return _chosen(stack.apis, fault.choice).kill(downtime=fault.downtime)
            case Target.LOOP | Target.LOOP_PAUSED:
                return _chosen(stack.loops, fault.choice).kill(downtime=fault.downtime)
            case Target.TEMPORAL:
                return stack.temporal.kill(downtime=fault.downtime)
            case Target.POSTGRES:
                return stack.postgres.kill(downtime=fault.downtime)
            case Target.POSTGRES_SESSION:
                return stack.postgres.kill_session(fault.choice)
            case Target.WORKER | Target.SUPERVISOR:
                return await self._kill_worker(fault)
        assert_never(fault.target)

    async def _kill_worker(self, fault: Fault) -> bool:
        """As soon as there is one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_AIM_SECONDS):
                while True:
                    live = self._stack.workers.live()
                    if live:
                        worker = _chosen(live, fault.choice)
                        pid = worker.supervisor.pid if fault.target is Target.SUPERVISOR else worker.main_process()
                        if pid is not None and _kill(pid):
                            self._ledger.killed_workers.add(worker.execution_id)
                            return True
                    await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def _pause_loop(self, fault: Fault) -> None:
        """With all that it is just starting, and if possible while it starts a worker."""
        pid = _chosen(self._stack.loops, fault.choice).pid()
        if pid is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_AIM_SECONDS):
                while not _starts_worker(pid):
                    await asyncio.sleep(_LOOK_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGSTOP)
            self._ledger.faults[fault.target] += 1
        try:
            await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)


def _chosen(victims: "tuple[Victim, ...] | list[Victim]", choice: float) -> Victim:
    return victims[int(choice * len(victims))]


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _starts_worker(pid: int) -> bool:
    try:
        return any(is_supervisor(child) for child in psutil.Process(pid).children())
    except psutil.NoSuchProcess:
        return False
