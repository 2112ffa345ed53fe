"""Schedules over REST, while Temporal is away: the catalog's rows are what counts."""

import httpx2
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from tests.api.builders import PROJECT, Json, definition, deploy, function_spec

SCHEDULES = f"{PROJECT}/schedules"
HOURLY: Json = {"function_name": "f", "cron": "0 * * * *"}


async def put(client: httpx2.AsyncClient, name: str, **fields: object) -> httpx2.Response:
    return await client.put(f"{SCHEDULES}/{name}", json={**HOURLY, **fields})


async def test_set_read_paused_and_deleted(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    answer = await put(client, "nightly", timezone="Europe/Berlin", overlap="buffer_one", input="[1]")
    assert answer.status_code == 200, answer.text
    expected = {
        "project_name": "p",
        "schedule_name": "nightly",
        "function_name": "f",
        "cron": "0 * * * *",
        "every_seconds": None,
        "timezone": "Europe/Berlin",
        "input": "[1]",
        "overlap": "buffer_one",
        "jitter_seconds": 0,
        "is_declared": False,
        "is_paused": False,
        "pause_reason": None,
        "last_skipped_time": None,
        "last_skip_reason": None,
        "next_times": None,
    }
    schedule = answer.json()
    assert expected.items() <= schedule.items()
    assert (await client.get(f"{SCHEDULES}/nightly")).json() == schedule, "Temporal, which is away, says no times"
    paused = (await client.put(f"{SCHEDULES}/nightly/pause", params={"reason": "too loud"})).json()
    assert (paused["is_paused"], paused["pause_reason"]) == (True, "too loud")
    assert (await put(client, "nightly", cron="1 * * * *")).json()["is_paused"] is True
    assert (await client.get(f"{SCHEDULES}/nightly")).json()["next_times"] == []
    assert (await client.put(f"{SCHEDULES}/nightly/resume")).json()["is_paused"] is False
    assert (await client.delete(f"{SCHEDULES}/nightly")).json()["cron"] == "1 * * * *"
    for verb, path in (("GET", ""), ("DELETE", ""), ("PUT", "/pause"), ("PUT", "/resume"), ("POST", "/trigger")):
        answer = await client.request(verb, f"{SCHEDULES}/nightly{path}")
        detail = "A schedule with this name does not exist for this project"
        assert (answer.status_code, answer.json()["detail"]) == (404, detail)


async def test_pages(client: httpx2.AsyncClient, database: Database) -> None:
    await deploy(client)
    for name in ("b", "a", "older"):
        await put(client, name)
    async with database.statement() as connection:
        older = "UPDATE schedules SET creation_time = date_trunc('day', clock_timestamp())"
        await connection.execute(text(older))
        older += " - interval '1 hour' WHERE schedule_name = 'older'"
        await connection.execute(text(older))
    names, offset = [], None
    for _ in range(3):
        query = {"max_results": 1} | ({} if offset is None else {"initial_offset": offset})
        page = (await client.get(SCHEDULES, params=query)).json()
        names += [schedule["schedule_name"] for schedule in page["schedules"]]
        offset = page["next_offset"]
    assert (names, offset) == (["a", "b", "older"], None)
    assert (await client.get(SCHEDULES, params={"initial_offset": "x"})).status_code == 400


async def test_deploys_declare_and_names_are_kept_apart(client: httpx2.AsyncClient) -> None:
    declared = {"name": "declared", "every_seconds": 60}
    deployed = await deploy(client, function_spec(schedules=[declared]))
    functions = (await client.get(deployed.version)).json()["functions"]
    assert functions[0]["schedules"][0].items() >= declared.items()
    assert (await client.get(f"{SCHEDULES}/declared")).json()["is_declared"] is True
    answer = await put(client, "declared")
    assert (answer.status_code, answer.json()["detail"].partition(":")[0]) == (
        409,
        "The schedule is declared beside its function",
    )
    assert (await client.delete(f"{SCHEDULES}/declared")).status_code == 409
    await put(client, "set")
    body = definition(function_spec(schedules=[{"name": "set", "every_seconds": 60}]))
    answer = await client.post(f"{PROJECT}/versions", json=body)
    assert answer.status_code == 409
    assert answer.json()["detail"].endswith("(set)")
    assert len((await client.get(f"{PROJECT}/versions")).json()["versions"]) == 1, "nothing is half done"


async def test_what_cannot_be_called_is_not_set(client: httpx2.AsyncClient) -> None:
    assert (await put(client, "s")).json()["detail"] == "A project with this name does not exist"
    await client.put(PROJECT)
    assert (await put(client, "s")).json()[
        "detail"
    ] == "A function with this name does not exist for this project version"
    signature = {"type": "object", "required": ["x"], "properties": {"x": {}}, "x-positional": ["x"]}
    await deploy(client, function_spec(signature=signature))
    answer = await put(client, "s")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == "Value error, f() lacks the argument x"
    assert (await put(client, "s", input='{"x": 1}')).status_code == 200
    for name in ("a" * 129, "a%2Fb"):
        assert (await put(client, name)).status_code in (404, 422)


async def test_a_trigger_makes_an_invocation_that_says_of_what(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    await put(client, "s", input="[1]")
    await client.put(f"{SCHEDULES}/s/pause")
    headers = {"Idempotency-Key": "k"}
    first, again = [(await client.post(f"{SCHEDULES}/s/trigger", headers=headers)).json() for _ in range(2)]
    assert (first["schedule_name"], first["input"], first["scheduled_time"]) == ("s", "[1]", first["creation_time"])
    assert again["invocation_id"] == first["invocation_id"]
    assert (await client.post(f"{SCHEDULES}/s/trigger")).json()["invocation_id"] != first["invocation_id"]
    listed = (await client.get(f"{PROJECT}/invocations")).json()["invocations"]
    assert [invocation["schedule_name"] for invocation in listed] == ["s", "s"]


async def test_times_are_temporals_to_say(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    await put(client, "s")
    answer = await client.post(f"{SCHEDULES}/s/backfill", json={"start": 0, "end": 1})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["detail"].startswith("Temporal, which knows the times of schedules, does not answer")
