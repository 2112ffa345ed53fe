"""Every event in every state of a warm container: what the table says happens, and nothing else does."""

from collections.abc import Awaitable, Callable

import pytest

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.warm_containers.states import TRANSITIONS, Event, State
from control_plane_server.catalog.warm_containers.upkeep import UpkeepRepository
from control_plane_server.domain.identifiers import ExecutionId, WarmContainerId, warm_container_id_for
from control_plane_server.domain.reuse import ReuseSpec
from tests.catalog.warm_containers.warm import REUSE, Warm

NEXT = {(state, transition.event): transition.next for transition in TRANSITIONS for state in transition.states}
_IS_TOO_LATE = {Event.ASK_TOO_LATE, Event.LET_GO_AT_LAST}


class Life:
    """One container of a function that has no other."""

    def __init__(self, warm: Warm, execution_id: ExecutionId) -> None:
        self._warm = warm
        self._execution_id = execution_id
        self.container_id = warm_container_id_for(execution_id, 1)
        self.events: dict[Event, Callable[[], Awaitable[object]]] = {
            Event.BEGIN: lambda: warm.begun(execution_id),
            Event.BEGIN_IDLE: self._begin_idle,
            Event.LEASE: self._lease,
            Event.CLAIM: self._claim,
            Event.ASK: self._ask,
            Event.LET_GO: self._let_go,
            Event.ASK_TOO_LATE: self._ask,
            Event.LET_GO_AT_LAST: self._let_go,
            Event.REVOKE: self._revoke,
            Event.CLOSE: lambda: warm.close(self.container_id),
            Event.CLOSE_GONE: lambda: warm.close(self.container_id, is_gone=True),
        }

    @classmethod
    async def begin(cls, database: Database, state: State) -> "Life":
        is_kept_ready = state in (State.ABSENT, State.STARTING)
        warm = await Warm.begin(database, ReuseSpec(idle_seconds=600, min_idle=1) if is_kept_ready else REUSE)
        life = cls(warm, await warm.execution())
        if state is State.STARTING:
            await life._begin_idle()
        elif state is not State.ABSENT:
            await warm.begun(life._execution_id)
        if state is not State.ABSENT:
            await warm.record(life.container_id)
        if state is State.IDLE:
            await life._let_go()
        if state is State.CLOSED:
            await warm.close(life.container_id, is_gone=True)
        assert await life.state() is state
        return life

    async def state(self) -> State:
        return await self._warm.state(self.container_id)

    async def make_late(self) -> None:
        await self._warm.close_project()

    async def _begin_idle(self) -> None:
        if await self._warm.refill():
            self.container_id = await _newest(self._warm, besides=self.container_id)

    async def _lease(self) -> None:
        execution_id = await self._warm.execution()
        await self._warm.lease(execution_id)

    async def _claim(self) -> None:
        await self._warm.claim(await self._warm.granted())

    async def _ask(self) -> None:
        await self._warm.next(self.container_id)

    async def _let_go(self) -> None:
        if await self.state() is State.ABSENT:
            await self._ask()
        else:
            await self._warm.let_go(self.container_id)

    async def _revoke(self) -> None:
        for execution_id in self._warm.executions:
            await self._warm.revoke(execution_id)


async def _newest(warm: Warm, *, besides: WarmContainerId) -> WarmContainerId:
    async with warm.database.statement() as connection:
        found = await UpkeepRepository(connection).of_project(warm.function.project_name)
    (new,) = [one.container_id for one in found if one.container_id != besides]
    return new


def test_the_table_says_one_thing_of_each_event_in_a_state() -> None:
    assert len(NEXT) == sum(len(transition.states) for transition in TRANSITIONS)
    assert {transition.event for transition in TRANSITIONS} == set(Event)


@pytest.mark.parametrize("event", Event, ids=lambda event: event.name.lower())
@pytest.mark.parametrize("state", State, ids=lambda state: state.lower())
async def test_an_event_does_what_the_table_says_and_no_more_the_second_time(
    database: Database, state: State, event: Event
) -> None:
    life = await Life.begin(database, state)
    if event in _IS_TOO_LATE:
        await life.make_late()
    await life.events[event]()
    moved = await life.state()
    assert moved is NEXT.get((state, event), state)
    await life.events[event]()
    assert await life.state() is NEXT.get((moved, event), moved)
