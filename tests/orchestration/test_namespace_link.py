"""Whether a Temporal namespace works for a catalog: each knows the other, and neither is taken for another one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Text, cast, func, update
from structlog.testing import capture_logs
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError

from activities.namespace import NamespacePreparation
from activities.search_attributes import missing_search_attributes
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.installation import InstallationRepository
from control_plane_server.catalog.tables import InstallationRow
from control_plane_server.domain.errors import NamespaceIsNotOurs
from control_plane_server.liveness.background import in_background
from control_plane_server.orchestration.namespace_link import NamespaceLink, adopt_namespace
from control_plane_server.orchestration.payloads import data_converter
from tests.factories import insert_function, insert_invocation, take_slot
from tests.temporal import open_temporal
from workflows import policies
from workflows.naming import RECONCILIATION_SCHEDULE_ID
from workflows.schedule import find_schedule

NAMESPACES = [f"namespace-{number}" for number in range(16)]
SOON = timedelta(seconds=0.05)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Client]:
    async with open_temporal(*NAMESPACES) as client:
        yield client


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    return iter(NAMESPACES)


@pytest.fixture
async def client(server: Client, names: Iterator[str]) -> Client:
    """Of an empty namespace: as good as a server of its own."""
    return await connect(server, next(names))


@pytest.fixture
async def other(server: Client, names: Iterator[str]) -> Client:
    return await connect(server, next(names))


@pytest.fixture
async def catalog(database: Database) -> AsyncIterator[Database]:
    """One that has worked with no namespace yet; afterwards again what it was."""
    async with database.statement() as connection:
        before = await InstallationRepository(connection).read()
    await become_another_catalog(database)
    yield database
    async with database.statement() as connection:
        await connection.execute(
            update(InstallationRow).values(installation_id=before.installation_id, namespace_id=before.namespace_id)
        )


async def connect(server: Client, namespace: str) -> Client:
    return await Client.connect(
        server.service_client.config.target_host, namespace=namespace, data_converter=data_converter
    )


def loop_of(client: Client, catalog: Database) -> NamespaceLink:
    return NamespaceLink(client, catalog, prepare=NamespacePreparation(), interval=SOON)


def api_of(client: Client, catalog: Database) -> NamespaceLink:
    return NamespaceLink(client, catalog, interval=SOON)


async def become_another_catalog(catalog: Database) -> None:
    async with catalog.statement() as connection:
        await connection.execute(
            update(InstallationRow).values(installation_id=cast(func.gen_random_uuid(), Text), namespace_id=None)
        )


async def has_begun(catalog: Database) -> None:
    """A job of the catalog has a workflow somewhere."""
    invocation_id = await insert_invocation(catalog, await insert_function(catalog))
    await take_slot(catalog, invocation_id)


async def test_the_first_loop_makes_them_known_to_each_other(client: Client, catalog: Database) -> None:
    await asyncio.gather(*(loop_of(client, catalog).check() for _ in range(3)))
    await loop_of(client, catalog).check()
    await api_of(client, catalog).check()
    assert await missing_search_attributes(client) == []
    found = await find_schedule(client)
    assert found is not None
    assert found.installation_id is not None


async def test_a_reconciliation_that_nobody_can_go_on_with_gives_way_to_the_next(
    client: Client, catalog: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of a newer release, after going back to an older one: here nobody works at all."""
    monkeypatch.setattr(policies, "RECONCILIATION_TIMEOUT", timedelta(seconds=1))
    await loop_of(client, catalog).check()
    schedule = client.get_schedule_handle(RECONCILIATION_SCHEDULE_ID)
    async with asyncio.timeout(20):
        while not (started := (await schedule.describe()).info.recent_actions):
            await asyncio.sleep(0.05)
        action = started[0].action
        assert isinstance(action, ScheduleActionExecutionStartWorkflow)
        stuck = client.get_workflow_handle(action.workflow_id)
        while (await stuck.describe()).status is not WorkflowExecutionStatus.TIMED_OUT:
            await asyncio.sleep(0.05)
        while len((await schedule.describe()).info.recent_actions) == 1:
            await schedule.trigger()
            await asyncio.sleep(0.05)


async def test_a_namespace_of_another_catalog_is_not_ours(client: Client, catalog: Database) -> None:
    await loop_of(client, catalog).check()
    await become_another_catalog(catalog)
    for link in (loop_of(client, catalog), api_of(client, catalog)):
        with pytest.raises(NamespaceIsNotOurs, match="works for another catalog: set TEMPORAL_ADDRESS"):
            await link.check()
    with pytest.raises(NamespaceIsNotOurs, match="only if that is gone for good"):
        await adopt_namespace(client, catalog)


async def test_an_empty_namespace_is_not_the_one_that_the_catalog_has_worked_with(
    client: Client, other: Client, catalog: Database
) -> None:
    await loop_of(client, catalog).check()
    for link in (loop_of(other, catalog), api_of(other, catalog)):
        with pytest.raises(NamespaceIsNotOurs, match="control-plane adopt-namespace"):
            await link.check()
    assert await find_schedule(other) is None
    await loop_of(client, catalog).check()


async def test_somebody_decides_that_another_namespace_takes_its_place(
    client: Client, other: Client, catalog: Database
) -> None:
    await loop_of(client, catalog).check()
    await adopt_namespace(other, catalog)
    await loop_of(other, catalog).check()
    with pytest.raises(NamespaceIsNotOurs):
        await loop_of(client, catalog).check()


async def test_a_namespace_that_is_not_there_is_waited_for_unless_it_was(
    server: Client, client: Client, catalog: Database
) -> None:
    nowhere = await connect(server, "nowhere")
    with pytest.raises(RPCError, match="nowhere is not found"):
        await loop_of(nowhere, catalog).check()
    await loop_of(client, catalog).check()
    with pytest.raises(NamespaceIsNotOurs, match="does not exist"):
        await loop_of(nowhere, catalog).check()


async def test_a_version_that_noted_nothing_has_worked_here(client: Client, catalog: Database) -> None:
    schedule = Schedule(action=ScheduleActionStartWorkflow("W", id="w", task_queue="q"), spec=ScheduleSpec())
    await client.create_schedule(RECONCILIATION_SCHEDULE_ID, schedule)
    await has_begun(catalog)
    await api_of(client, catalog).check()
    await loop_of(client, catalog).check()
    found = await find_schedule(client)
    assert found is not None
    assert found.installation_id is not None
    await become_another_catalog(catalog)
    with pytest.raises(NamespaceIsNotOurs):
        await api_of(client, catalog).check()


async def test_a_catalog_with_work_under_way_has_worked_somewhere_else(client: Client, catalog: Database) -> None:
    await has_begun(catalog)
    with pytest.raises(NamespaceIsNotOurs, match="is not the one"):
        await loop_of(client, catalog).check()


async def test_what_somebody_took_away_is_made_again(client: Client, catalog: Database) -> None:
    link = loop_of(client, catalog)
    await link.check()
    await client.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).delete()
    async with in_background("temporal link", link.watch):
        while await find_schedule(client) is None:
            await asyncio.sleep(0.02)


async def test_a_running_process_hears_of_both(client: Client, other: Client, catalog: Database) -> None:
    link = loop_of(client, catalog)
    await link.check()
    with capture_logs() as logs:
        async with in_background("temporal link", link.watch), asyncio.timeout(10):
            await adopt_namespace(other, catalog)
            await link.wait_until(matches=False)
            assert link.problem is not None
            await adopt_namespace(client, catalog)
            await link.wait_until(matches=True)
    events = [entry["event"] for entry in logs if entry["event"].startswith("temporal_namespace")]
    assert events == ["temporal_namespace_is_not_ours", "temporal_namespace_is_ours_again"]
