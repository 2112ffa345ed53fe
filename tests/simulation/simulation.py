"""Runs steps and looks at the whole catalog after each, until an invariant is violated."""

import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from control_plane_server.catalog.database import Database
from tests.simulation import invariants, queue_laws
from tests.simulation.client import Submitted
from tests.simulation.containers import Fleet
from tests.simulation.loops import Loops
from tests.simulation.snapshot import Snapshot, read_snapshot
from tests.simulation.steps import Done, Step, Steps

_REMEMBERED_STEPS = 25
_LONGEST_PASSAGE = timedelta(seconds=3)
_WEIGHT_OF_TIME = 1
_WEIGHT_OF_RESUMING = 3
# By a reconciliation that is asked for, of loops that may just have been started, on a machine that is busy.
_WOKEN_WITHIN = timedelta(seconds=60)
_PAUSE = timedelta(seconds=0.05)

# The longest wait of the product in it: an activity that has met many faults and restarts pauses for up to 30 seconds.
_FINISHED_WITHIN = timedelta(seconds=90)


class Simulation:
    def __init__(self, *, rng: random.Random, steps: Steps, fleet: Fleet, loops: Loops, database: Database) -> None:
        self.done: Counter[str] = Counter()
        self.snapshot = Snapshot(functions={}, invocations={})
        self._rng = rng
        self._steps = steps
        self._fleet = fleet
        self._loops = loops
        self._database = database
        self._journal: list[str] = []

    async def run(self, count: int) -> None:
        """So many steps. One that has nothing to do does not count."""
        weighted = self._steps.weighted() | {
            self._let_time_pass: _WEIGHT_OF_TIME,
            self._resume: _WEIGHT_OF_RESUMING,
        }
        while self.done.total() < count:
            await self._take(weighted)

    async def finish_all(self) -> None:
        """Nobody asks for anything any more, and every container comes to its end: so does every invocation."""
        if not len(self._loops):
            await self._loops.start()
        self._fleet.faults.clear()
        while self._steps.paused:
            await self._resume()
        deadline = time.monotonic() + _FINISHED_WITHIN.total_seconds()
        async with asyncio.timeout(2 * _FINISHED_WITHIN.total_seconds()):
            while running := [one for one in self.snapshot.invocations.values() if one.is_running]:
                assert time.monotonic() < deadline, f"these do not end: {running}, containers: {self._fleet.alive}"
                if not await self._take(self._steps.of_containers()):
                    await asyncio.sleep(_PAUSE.total_seconds())
                    await self._check()

    async def _take(self, weighted: dict[Step, int]) -> Done:
        (step,) = self._rng.choices(list(weighted), weights=list(weighted.values()))
        done = await step()
        if done is None:
            await asyncio.sleep(0)
            return None
        self.done[step.__name__.strip("_")] += 1
        self._journal.append(done)
        await self._check()
        return done

    async def _check(self) -> None:
        running = {one.runs for one in self._fleet.alive}
        earlier, self.snapshot = self.snapshot, await read_snapshot(self._database)
        running.intersection_update(one.runs for one in self._fleet.alive)
        found = [
            *self._fleet.violations,
            *invariants.violations(self.snapshot),
            *invariants.violations_between(earlier, self.snapshot),
            *invariants.violations_of_containers((one for one in running if one is not None), self.snapshot),
        ]
        steps = "\n  ".join(self._journal[-_REMEMBERED_STEPS:])
        assert not found, f"after step {self.done.total()}:\n  " + "\n  ".join(found) + f"\nlast steps:\n  {steps}"
        self._steps.running = [
            Submitted(function=self.snapshot.functions[one.function_id].name, invocation_id=one.invocation_id)
            for one in self.snapshot.invocations.values()
            if one.is_running
        ]

    async def _resume(self) -> Done:
        """What waits is woken by a reconciliation, which a loop makes: until then slots are free."""
        if not self._steps.paused:
            return None
        if not len(self._loops):
            await self._loops.start()
        done = await self._steps.resume()
        deadline = time.monotonic() + _WOKEN_WITHIN.total_seconds()
        while time.monotonic() < deadline:
            if not [*queue_laws.violations_of_limits(await read_snapshot(self._database))]:
                break
            await asyncio.sleep(_PAUSE.total_seconds())
        return done

    async def _let_time_pass(self) -> Done:
        """Until the next invocation is out of time, if that is soon."""
        now = datetime.now(UTC)
        due = [
            one.waits_from + timedelta(seconds=self.snapshot.functions[one.function_id].timeout_seconds + 1)
            for one in self.snapshot.invocations.values()
            if one.is_running
        ]
        soon = [time for time in due if now < time < now + _LONGEST_PASSAGE]
        if not soon:
            return None
        while datetime.now(UTC) < min(soon):
            await asyncio.sleep(_PAUSE.total_seconds())
            await self._check()
        return f"let {min(soon) - now} pass"
