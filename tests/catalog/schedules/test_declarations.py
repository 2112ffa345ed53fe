"""A project's schedules follow its latest version, whatever comes in between; those that were set stay."""

import asyncio

import pytest

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.preparations import PreparationRepository
from control_plane_server.catalog.schedules.schedules import ScheduleRepository
from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.domain.errors import FunctionDoesNotExist, ScheduleIsDeclared, ScheduleNameIsTaken
from control_plane_server.domain.identifiers import VersionId
from tests.catalog.schedules.builders import PROJECT, deploy, function, hourly, put, there
from tests.statements import Statement


async def test_deploys_add_change_and_remove_what_is_declared(database: Database) -> None:
    version, changes = await deploy(database, function("f", hourly("a"), hourly("b")), function("g", hourly("c")))
    assert [spec.schedule_name for spec in version.functions[0].schedules] == ["a", "b"]
    first = await there(database)
    assert {one.schedule_id for one in changes.changed} == {one.schedule_id for one in first.values()}

    changed = hourly("b", cron="30 * * * *", input='{"x": 1}')
    _, changes = await deploy(database, function("f", hourly("a")), function("g", changed))
    second = await there(database)
    assert second.keys() == {"a", "b"}
    assert second["a"] == first["a"], "what is as declared stays untouched"
    assert (second["b"].schedule_id, second["b"].function_name) == (first["b"].schedule_id, "g")
    assert second["b"].spec == changed
    assert (changes.changed, changes.removed) == ((second["b"],), (first["c"].schedule_id,))

    _, changes = await deploy(database, function("f"))
    assert await there(database) == {}
    assert len(changes.removed) == 2


async def test_what_somebody_paused_stays_paused_through_deploys(database: Database) -> None:
    await deploy(database, function("f", hourly("a")))
    async with database.statement() as connection:
        await ScheduleRepository(connection).pause(PROJECT, "a", reason="too loud")
    await deploy(database, function("f", hourly("a", cron="1 * * * *")))
    assert (await there(database))["a"].rest_reason == "too loud"


async def test_what_was_set_rests_while_its_function_is_gone(database: Database) -> None:
    await deploy(database, function("f"))
    schedule = await put(database, "set", "f")
    _, changes = await deploy(database, function("g"))
    (resting,) = changes.changed
    assert (resting.schedule_id, resting.is_resting) == (schedule.schedule_id, True)
    assert resting.rest_reason == "The latest version has no function f"
    _, changes = await deploy(database, function("g"))
    assert changes.changed == ()
    _, changes = await deploy(database, function("f"))
    assert [one.is_resting for one in changes.changed] == [False]


async def test_a_version_that_is_refused_gives_the_schedules_back_to_the_one_before(database: Database) -> None:
    await deploy(database, function("f", hourly("a")))
    version, _ = await deploy(database, function("g", hourly("b")))
    assert (await there(database)).keys() == {"b"}
    async with database.transaction() as connection:
        await PreparationRepository(connection).mark_unpreparable(version.functions[0].ref, "no such image")
    assert (await there(database)).keys() == {"a"}


async def test_names_are_of_one_kind(database: Database) -> None:
    await deploy(database, function("f", hourly("declared")))
    await put(database, "set", "f")
    with pytest.raises(ScheduleIsDeclared):
        await put(database, "declared", "f")
    with pytest.raises(ScheduleNameIsTaken, match=r"\(set\)"):
        await deploy(database, function("f", hourly("set")))
    with pytest.raises(ScheduleIsDeclared):
        async with database.transaction() as connection:
            await ScheduleRepository(connection).delete(PROJECT, "declared")
    with pytest.raises(FunctionDoesNotExist):
        await put(database, "other", "g")
    assert (await there(database)).keys() == {"declared", "set"}


async def test_deploys_at_once_end_with_the_schedules_of_the_latest(database: Database) -> None:
    await deploy(database, function("f"))
    deployed = await asyncio.gather(*(deploy(database, function("f", hourly(f"s{n}"))) for n in range(8)))
    async with database.statement() as connection:
        latest = await ScheduleRepository(connection).list_of_project(PROJECT, offset=None, max_results=10)
    names = {version.version_id: version.functions[0].schedules[0].schedule_name for version, _ in deployed}
    newest = await _latest(database)
    assert [one.spec.schedule_name for one in latest.schedules] == [names[newest]]


async def test_who_has_none_pays_no_statement(database: Database, statements: list[Statement]) -> None:
    await deploy(database, function("f"))
    assert not [text for text, _ in statements if "INTO schedules" in text or "advisory" in text]
    del statements[:]
    await deploy(database, function("f"))
    without = len(statements)
    await deploy(database, function("f", hourly("a")))
    del statements[:]
    await deploy(database, function("f", hourly("a")))
    assert len(statements) == without + 3, "a lock, the functions, the schedules"


async def _latest(database: Database) -> VersionId:
    async with database.transaction() as connection:
        return (await VersionRepository(connection).get(PROJECT, "latest")).version_id
