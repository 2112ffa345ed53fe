"""What must hold of warm containers, whoever dies, sleeps or is not heard. What does not is kept in `violations`."""

from collections.abc import Iterator, Mapping

from sqlalchemy import select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.entities import ContainerStatus, ExecutionOutcome
from control_plane_server.domain.identifiers import ExecutionId, warm_container_id_for
from tests.simulation.containers import Fleet, SimulatedContainer, Told
from tests.simulation.snapshot import Snapshot


class Laws:
    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet
        self.begun: set[tuple[ExecutionId, int]] = set()
        self.warm_starts = 0  # begun in containers that had run another one before
        self.refused = 0
        self._ran: set[SimulatedContainer] = set()
        self._dead: set[ContainerName] = set()
        self._left: set[ExecutionId] = set()

    async def newest_launch(self, execution_id: ExecutionId) -> int:
        async with self._database.statement() as connection:
            found = await connection.scalar(
                select(ExecutionRow.launches).where(ExecutionRow.execution_id == execution_id)
            )
        return int(found or 0)

    def has_run(self, container: SimulatedContainer) -> bool:
        return container in self._ran

    def note_lease(self, container: SimulatedContainer, lease: Mapping[str, object]) -> None:
        """No container runs two executions at once."""
        told = container.told
        if told is None or told.exit_code is not None:
            return
        if (told.execution_id, told.launch) != (lease["execution_id"], lease["launch"]):
            self._violate(f"{container.request.name} runs {told.execution_id} and was given {lease}")

    def note_begin(self, container: SimulatedContainer, told: Told, *, newest_launch_before: int) -> None:
        """Code is begun at most once per launch, never by an overtaken launch, and nowhere else at the same time."""
        launch = (told.execution_id, told.launch)
        if launch in self.begun:
            self._violate(f"{launch} was begun a second time, by {container.request.name}")
        if told.launch < newest_launch_before:
            self._violate(f"{launch} was begun though launch {newest_launch_before} had taken its place")
        others = [one for one in self._fleet.alive if one is not container and one.runs == told.execution_id]
        if others:
            self._violate(f"{launch} was begun beside {others[0].request.name}")
        self.begun.add(launch)
        self.warm_starts += container in self._ran
        self._ran.add(container)

    def note_report(self, container: SimulatedContainer, told: Told, status: int) -> None:
        """Whoever runs by right is refused nothing."""
        if status != 200:
            self.refused += 1
            if container.is_alive and not container.is_stopping:
                self._violate(f"{container.request.name} was refused a report of {told.execution_id}: {status}")

    async def note_handed_over(self, container: SimulatedContainer, told: Told) -> None:
        """What it says with its question is taken, if it runs by right."""
        async with self._database.statement() as connection:
            found = await connection.execute(
                select(
                    ExecutionRow.launches,
                    ExecutionRow.execution_finish_time,
                    ExecutionRow.container_status.label("container_status"),
                ).where(ExecutionRow.execution_id == told.execution_id)
            )
            row = found.one_or_none()
        if row is None or row.execution_finish_time is not None:
            return
        is_over = row.launches > told.launch or row.container_status == ContainerStatus.TERMINATED
        if not is_over and container.is_alive and not container.is_stopping:
            self._violate(f"{container.request.name} was not heard when it reported {told.execution_id}")

    def note_death(self, container: SimulatedContainer) -> None:
        """By the user's doing: its execution, or the one that it was launched for, is over without a word."""
        self._dead.add(container.request.name)
        if container.told is not None:
            self._left.add(container.told.execution_id)

    def note_end_by_itself(self, told: Told) -> None:
        """Of the process of an execution alone: it is gone without a word, or stopped though nobody had told it to."""
        self._left.add(told.execution_id)

    def spent_in_vain(self, snapshot: Snapshot) -> Iterator[str]:
        """What infrastructure does, and processes of ours that die, costs no attempt: one that has ended without an
        outcome, or as told to, and was not to stop, has ended by the user's doing."""
        for invocation in snapshot.invocations.values():
            for execution in invocation.executions:
                has_result = execution.outcome not in (None, ExecutionOutcome.ABORTED)
                if execution.is_live or execution.is_signalled or has_result:
                    continue
                own = {
                    ContainerName.of_warm(warm_container_id_for(execution.execution_id, launch))
                    for launch in range(1, execution.newest_launch + 1)
                }
                if execution.execution_id not in self._left and not own & self._dead:
                    yield f"{execution.execution_id} was spent, and nothing of the user's had ended it: {execution}"

    def _violate(self, what: str) -> None:
        self._fleet.violations.append(what)
