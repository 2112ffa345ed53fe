"""An invocation as its page shows it, read at one time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.console.views.json_trees import tree_of
from api.console.views.sentences import sentence_of
from api.console.views.time_lines import time_line_of
from api.services import Services
from control_plane_server.catalog.invocation_counts import InvocationCountRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.queue_places import QueuePlace, QueuePlaceRepository
from control_plane_server.domain.entities import ContainerStatus, Execution, Invocation, InvocationCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationState:
    """`place`: in the queue; None: it is in none. `children`: None: it has none."""

    invocation: Invocation
    place: QueuePlace | None
    children: InvocationCounts | None
    read_time: datetime

    @property
    def last_execution(self) -> Execution | None:
        return self.invocation.executions[-1] if self.invocation.executions else None

    @property
    def has_ended(self) -> bool:
        return self.invocation.outcome is not None

    @property
    def changes_unnoticed(self) -> bool:
        """Whether what the page says of it changes without an event of its own."""
        return not self.has_ended and (self.place is not None or self.children is not None)


async def read_state(services: Services, invocation_id: str) -> InvocationState:
    """Raises InvocationDoesNotExist, CatalogIsAway."""
    async with services.database.statement() as connection:
        invocation = await InvocationRepository(connection).get_by_id(invocation_id)
        place = await QueuePlaceRepository(connection).find(invocation_id) if _may_wait(invocation) else None
        children = await InvocationCountRepository(connection).of_children(invocation.invocation_id)
    return InvocationState(invocation=invocation, place=place, children=children, read_time=datetime.now(UTC))


async def read_invocation(services: Services, invocation_id: str) -> Invocation:
    """Raises InvocationDoesNotExist, CatalogIsAway."""
    async with services.database.statement() as connection:
        return await InvocationRepository(connection).get_by_id(invocation_id)


def shown(state: InvocationState) -> dict[str, Any]:
    """What the templates of the page's live parts need."""
    invocation, last = state.invocation, state.last_execution
    return {
        "invocation": invocation,
        "sentence": sentence_of(invocation, state.place, state.read_time),
        "time_line": time_line_of(invocation, state.read_time),
        "children": state.children,
        "has_ended": state.has_ended,
        "last": last,
        "output": None if last is None or last.output is None else tree_of(last.output),
    }


def _may_wait(invocation: Invocation) -> bool:
    executions = invocation.executions
    has_slot = bool(executions) and executions[-1].container_status is not ContainerStatus.TERMINATED
    return invocation.outcome is None and not has_slot
