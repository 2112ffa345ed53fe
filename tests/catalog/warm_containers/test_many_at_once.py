"""Many executions, containers and processes at once, in any order: what holds of leases however they meet."""

import asyncio
import random
from collections import Counter

from sqlalchemy import select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.launches import LaunchRepository
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository, FinalReport
from control_plane_server.catalog.paths import ExecutionPath, FunctionPath, InvocationPath
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.catalog.warm_containers.containers import EndedLease, Lease
from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.errors import Conflict
from control_plane_server.domain.identifiers import ExecutionId, WarmContainerId
from tests.catalog.warm_containers.warm import Warm

_EXECUTIONS = 40
_LAUNCHERS = 4
_SEED = 22


class Crowd:
    """Launchers that give every execution a container, containers that run what they are told, and whoever revokes."""

    def __init__(self, warm: Warm) -> None:
        self._warm = warm
        self._chance = random.Random(_SEED)
        self.began: Counter[tuple[ExecutionId, int]] = Counter()
        self.finished: set[ExecutionId] = set()
        self._containers: dict[WarmContainerId, asyncio.Task[None]] = {}

    async def run(self) -> None:
        executions = [await self._warm.execution() for _ in range(_EXECUTIONS)]
        async with asyncio.timeout(120):
            # Each is seen to by two: as where a process is taken for dead, and is not.
            seen_to = self._chance.sample(executions * 2, k=2 * _EXECUTIONS)
            await asyncio.gather(*(self._see_to(seen_to[start::_LAUNCHERS]) for start in range(_LAUNCHERS)))
        for container in self._containers.values():
            container.cancel()
        ends = await asyncio.gather(*self._containers.values(), return_exceptions=True)
        assert [end for end in ends if end is not None and not isinstance(end, asyncio.CancelledError)] == []

    async def _see_to(self, executions: list[ExecutionId]) -> None:
        for execution_id in executions:
            while execution_id not in self.finished:
                await self._launch(execution_id)
                await asyncio.sleep(0.005)

    async def _launch(self, execution_id: ExecutionId) -> None:
        warm, launch = self._warm, await self.newest_launch(execution_id)
        leased = await warm.lease(execution_id, launch) or await warm.begun(execution_id, launch)
        if leased is None:
            return
        assert (leased.execution_id, leased.launch) == (execution_id, launch)
        if leased.container_id not in self._containers:
            await warm.record(leased.container_id)
            self._containers[leased.container_id] = asyncio.create_task(self._contain(leased.container_id))
        if self._chance.random() < 0.2:
            await self._give_up(execution_id, launch)

    async def _give_up(self, execution_id: ExecutionId, launch: int) -> None:
        async with self._warm.database.statement() as connection:
            await LaunchRepository(connection).begin_another(
                ContainerName(execution_id=execution_id, launch=launch), reason="late", was_undelivered=True
            )
        await self._warm.revoke(execution_id, launch)

    async def _contain(self, container_id: WarmContainerId) -> None:
        """A container, whose answers may be lost: then it asks again."""
        ended: EndedLease | None = None
        while True:
            told = await self._warm.next(container_id, ended)
            if self._chance.random() < 0.2:
                continue
            ended = None
            if told.must_end:
                return
            if told.lease is None:
                await asyncio.sleep(0.005)
                continue
            await asyncio.sleep(self._chance.random() * 0.02)
            await self._execute(told.lease)
            ended = EndedLease(execution_id=told.lease.execution_id, launch=told.lease.launch, exit_code=0)

    async def _execute(self, lease: Lease) -> None:
        path = _path(lease)
        try:
            async with self._warm.database.statement() as connection:
                await ExecutionRepository(connection).start(path)
        except Conflict:
            return
        self.began[lease.execution_id, lease.launch] += 1
        async with self._warm.database.statement() as connection:
            await ExecutionRepository(connection).finish(
                path, FinalReport(outcome=ExecutionOutcome.SUCCEEDED, output="1")
            )
        self.finished.add(lease.execution_id)

    async def newest_launch(self, execution_id: ExecutionId) -> int:
        async with self._warm.database.statement() as connection:
            return (
                await connection.execute(select(ExecutionRow.launches).where(ExecutionRow.execution_id == execution_id))
            ).scalar_one()


def _path(lease: Lease) -> ExecutionPath:
    function = FunctionPath(
        project_name=lease.function.project_name,
        version_ref=lease.function.version_id,
        function_name=lease.function.function_name,
    )
    invocation = InvocationPath(function=function, invocation_id=lease.invocation_id)
    return ExecutionPath(invocation=invocation, execution_id=lease.execution_id, launch=lease.launch)


async def test_every_execution_begins_once_whatever_is_lost_revoked_or_done_twice(database: Database) -> None:
    warm = await Warm.begin(database)
    crowd = Crowd(warm)
    await crowd.run()
    newest = {(execution_id, await crowd.newest_launch(execution_id)): 1 for execution_id in warm.executions}
    assert crowd.began == newest, "by its newest launch, as another one is begun only where none has started"
