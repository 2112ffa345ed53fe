"""However many containers run, those that nobody needs are found, a part of them in each run."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from activities.reconciliation.orphaned_containers import OrphanedContainers
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.containers import Container, ContainerName, LivePage
from control_plane_server.domain.entities import ContainerDetails, ContainerStatus, ContainerType
from control_plane_server.domain.errors import Misconfigured
from control_plane_server.domain.identifiers import ExecutionId, execution_id_for
from tests.factories import insert_function, insert_invocation
from tests.simulation.containers import Fleet

PAGES = 100
OF_A_PAGE = 100


class Crowd(Fleet):
    """10,000 containers, of which one is ours. `forgotten`: pages that are not known any more."""

    def __init__(self, ours: ExecutionId, *, on_page: int) -> None:
        super().__init__(stop_grace=timedelta())
        self._ours = ours
        self._on_page = on_page
        self.looked_at: list[str] = []
        self.stopped: list[ExecutionId] = []
        self.forgotten: set[str] = set()

    async def list_live_containers(self, page: str | None = None) -> LivePage:
        page = page or "0"
        if page in self.forgotten:
            self.forgotten.clear()
            raise Misconfigured("The nextToken is not valid")
        self.looked_at.append(page)
        number = int(page)
        ids = [f"exe-{number * OF_A_PAGE + each:032x}" for each in range(OF_A_PAGE)]
        if number == self._on_page:
            ids[-1] = self._ours
        following = str(number + 1) if number + 1 < PAGES else None
        return LivePage(containers=tuple(container_of(ExecutionId(each)) for each in ids), next_page=following)

    async def stop(self, container: Container) -> None:
        self.stopped.append(container.name.execution_id)


def container_of(execution_id: ExecutionId) -> Container:
    details = ContainerDetails(type=ContainerType.TEST, identifier=execution_id, logs_identifier="log")
    return Container(name=ContainerName(execution_id=execution_id, launch=1), details=details)


@pytest.fixture
async def crowd(database: Database) -> Crowd:
    """The one that is ours has an execution that has ended."""
    invocation_id = await insert_invocation(database, await insert_function(database))
    execution_id = execution_id_for(invocation_id, 1)
    async with database.transaction() as connection:
        await SlotQueue(connection).take(invocation_id=invocation_id, execution_id=execution_id, attempt=1)
        long_ago = func.clock_timestamp() - timedelta(hours=1)
        await connection.execute(
            update(ExecutionRow).values(container_status=ContainerStatus.TERMINATED, last_update_time=long_ago)
        )
    return Crowd(execution_id, on_page=87)


async def test_each_run_looks_at_a_part_and_the_next_one_goes_on(database: Database, crowd: Crowd) -> None:
    repair = OrphanedContainers(database=database, provisioner=crowd, grace=timedelta())
    runs = [RepairRun("containers stopped") for _ in range(6)]
    for number, run in enumerate(runs[:5], start=1):
        await run.run(repair.stop)
        assert len(crowd.looked_at) == 20 * number
    assert crowd.looked_at == [str(page) for page in range(PAGES)]
    assert [run.made for run in runs] == [0, 0, 0, 0, 1, 0]
    await runs[5].run(repair.stop)
    assert crowd.looked_at[PAGES] == "0"
    assert len(crowd.stopped) == 1


async def test_a_page_that_is_not_known_any_more_is_followed_by_the_first(database: Database, crowd: Crowd) -> None:
    repair = OrphanedContainers(database=database, provisioner=crowd, grace=timedelta())
    crowd.forgotten = {"20"}
    for _ in range(3):
        await RepairRun("containers stopped").run(repair.stop)
    assert crowd.looked_at == [str(page) for page in (*range(20), *range(20))]
