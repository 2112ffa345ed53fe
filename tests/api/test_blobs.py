"""Blobs over the API: announced, uploaded, used once, given to those who may have them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from api.app import create_app
from api.services import Services
from control_plane_server.blobs.location import BlobStoreLocation
from control_plane_server.blobs.opening import open_blob_store
from control_plane_server.blobs.store import BlobStore
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.kept_data_tables import BlobRow
from tests.api.blob_uploads import CONTENT, announced, announcement, read, token, upload
from tests.api.builders import (
    DEAD,
    ROOT_KEYS,
    STARTED,
    Deployed,
    add_execution,
    bearer,
    deploy,
    execution_id_of,
    invoke,
)
from tests.blobs.stores import REGION, Bucket, bucket, sha256


@pytest.fixture(scope="module")
def s3() -> Iterator[Bucket]:
    with pytest.MonkeyPatch.context() as environment, bucket(environment) as it:
        yield it


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "folder":
        return open_blob_store(BlobStoreLocation(url=(tmp_path / "blobs").as_uri(), region=REGION))
    return open_blob_store(request.getfixturevalue("s3").location)


@pytest.fixture
def services(services: Services, store: BlobStore) -> Services:
    return replace(services, blobs=store)


@pytest.fixture
async def deployed(client: httpx2.AsyncClient) -> Deployed:
    return await deploy(client)


async def test_an_artifact_is_listed_once_it_is_complete(
    client: httpx2.AsyncClient, deployed: Deployed, database: Database
) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    invocation = execution.partition("/executions/")[0]
    client.headers.update(token(execution))
    made = await announced(client, execution + "/artifacts", **announcement(name="report.txt"))
    blob = f"{execution}/blobs/{made['blob_id']}"
    assert (await client.put(f"{execution}/artifacts/{made['blob_id']}")).status_code == 409
    assert (await client.get(blob)).status_code == 404
    assert (await client.get(invocation + "/artifacts")).json() == {"artifacts": []}

    assert (await upload(client, made)).is_success
    assert (await client.get(blob)).status_code == 404, "nothing shows it before it is complete"
    for _ in range(2):
        assert (await client.put(f"{execution}/artifacts/{made['blob_id']}")).status_code == 200
    (listed,) = (await client.get(invocation + "/artifacts")).json()["artifacts"]
    assert (await client.get(execution + "/artifacts")).json()["artifacts"] == [listed]
    assert listed["name"] == "report.txt"
    assert (listed["size"], listed["sha256"]) == (len(CONTENT), sha256(CONTENT))
    assert await read(client, blob) == CONTENT
    assert await read(client, f"/projects/p/blobs/{made['blob_id']}") == CONTENT


async def test_the_newest_artifact_of_a_name_wins(
    client: httpx2.AsyncClient, deployed: Deployed, database: Database
) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    for content in (b"old", b"newer"):
        made = await announced(client, execution + "/artifacts", **announcement(content, name="report.txt"))
        assert (await upload(client, made, content)).is_success
        assert (await client.put(f"{execution}/artifacts/{made['blob_id']}")).status_code == 200
    (listed,) = (await client.get(execution + "/artifacts")).json()["artifacts"]
    assert (listed["blob_id"], listed["size"]) == (made["blob_id"], 5)


@pytest.mark.parametrize("store", ["folder"], indirect=True)
async def test_artifacts_of_a_name_that_are_put_at_once_are_all_taken(
    client: httpx2.AsyncClient, deployed: Deployed, database: Database
) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    all_made = []
    for content in (b"1", b"22", b"333"):
        made = await announced(client, execution + "/artifacts", **announcement(content, name="report.txt"))
        assert (await upload(client, made, content)).is_success
        all_made.append(f"{execution}/artifacts/{made['blob_id']}")
    for _ in range(2):  # also if an answer is lost
        answers = await asyncio.gather(*map(client.put, reversed(all_made)))
        assert [answer.status_code for answer in answers] == [200] * 3
    (listed,) = (await client.get(execution + "/artifacts")).json()["artifacts"]
    assert (listed["blob_id"], listed["size"]) == (made["blob_id"], 3)


@pytest.mark.parametrize("store", ["folder"], indirect=True)  # S3 verifies it by itself, which moto does not
async def test_what_is_not_as_announced_is_not_stored(
    client: httpx2.AsyncClient, deployed: Deployed, store: BlobStore
) -> None:
    made = await announced(client, "/projects/p/blobs")
    for content, status in ((CONTENT[:-1], 400), (CONTENT[:-1] + b"'", 400), (CONTENT + b"x", 413)):
        assert (await upload(client, made, content)).status_code == status
    assert await store.size(made["blob_id"]) is None
    assert (await upload(client, made)).is_success


@pytest.mark.parametrize("store", ["folder"], indirect=True)
async def test_a_client_that_breaks_off_an_upload_is_no_defect(
    client: httpx2.AsyncClient, deployed: Deployed, services: Services, store: BlobStore
) -> None:
    made = await announced(client, "/projects/p/blobs")
    path, (name, value) = f"/projects/p/blobs/{made['blob_id']}", next(iter(bearer(ROOT_KEYS[0]).items()))
    came = iter([{"type": "http.request", "body": b"x", "more_body": True}])
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(came, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode())],
    }
    await create_app(services)(scope, receive, send)
    assert answered[0]["status"] == 400
    assert await store.size(made["blob_id"]) is None


@pytest.mark.parametrize("store", ["bucket"], indirect=True)
async def test_where_a_bucket_takes_uploads_the_api_takes_none(client: httpx2.AsyncClient, deployed: Deployed) -> None:
    made = await announced(client, "/projects/p/blobs")
    answer = await client.put(f"/projects/p/blobs/{made['blob_id']}", content=CONTENT)
    assert answer.status_code == 400
    assert "upload_url" in answer.json()["detail"]


async def test_an_input_is_used_by_one_invocation(client: httpx2.AsyncClient, deployed: Deployed) -> None:
    made = await announced(client, "/projects/p/blobs")
    body = {"input_blob": made["blob_id"]}
    assert (await client.post(deployed.invocations(), json=body)).status_code == 409, "it is not there yet"
    assert (await upload(client, made)).is_success
    assert (await client.get(f"/projects/p/blobs/{made['blob_id']}")).status_code == 404
    answer = await client.post(deployed.invocations(), json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["input"], answer.json()["input_blob"]) == ("", made["blob_id"])
    assert await read(client, f"/projects/p/blobs/{made['blob_id']}") == CONTENT
    assert (await client.post(deployed.invocations(), json=body)).status_code == 409, "it is used"
    invocations = (await client.get("/projects/p/invocations")).json()["invocations"]
    assert [each["invocation_id"] for each in invocations] == [answer.json()["invocation_id"]]


async def test_the_same_input_uploaded_again_is_the_same_submit(client: httpx2.AsyncClient, deployed: Deployed) -> None:
    answers = []
    for content in (CONTENT, CONTENT, CONTENT + b" "):
        made = await announced(client, "/projects/p/blobs", **announcement(content))
        assert (await upload(client, made, content)).is_success
        body = {"input_blob": made["blob_id"]}
        headers = {"Idempotency-Key": "same"}
        answers += [await client.post(deployed.invocations(), json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 422, 422]
    assert len({answer.json()["invocation_id"] for answer in answers[:4]}) == 1


async def test_one_request_sent_twice_at_once_is_one_submit(client: httpx2.AsyncClient, deployed: Deployed) -> None:
    made = await announced(client, "/projects/p/blobs")
    assert (await upload(client, made)).is_success
    body = {"input_blob": made["blob_id"]}
    answers = await asyncio.gather(
        *(client.post(deployed.invocations(), json=body, headers={"Idempotency-Key": "same"}) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["invocation_id"] for answer in answers}) == 1


async def test_an_input_is_text_or_a_blob_of_the_project(client: httpx2.AsyncClient, deployed: Deployed) -> None:
    await deploy(client, project="other")
    made = await announced(client, "/projects/other/blobs")
    assert (await upload(client, made)).is_success
    assert (await client.post(deployed.invocations(), json={"input_blob": made["blob_id"]})).status_code == 404
    both = {"input": "1", "input_blob": made["blob_id"]}
    assert (await client.post(deployed.invocations(), json=both)).status_code == 422


async def test_an_output_blob_is_the_output(client: httpx2.AsyncClient, deployed: Deployed, database: Database) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    invocation = execution.partition("/executions/")[0]
    sibling = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    made = await announced(client, execution + "/blobs")
    report = {"outcome": "SUCCEEDED", "output_blob": made["blob_id"]}
    assert (await client.put(execution + "/update", json={"latest_output": '"so far"'})).status_code == 200
    assert (await client.put(execution + "/finish", json=report)).status_code == 409, "it is not there yet"
    assert (await upload(client, made)).is_success
    assert (await client.put(sibling + "/finish", json=report)).status_code == 404, "it is another one's"
    assert (await client.put(execution + "/finish", json={**report, "final_output": "1"})).status_code == 422
    finished = await client.put(execution + "/finish", json=report)
    assert finished.status_code == 200, finished.text
    assert (finished.json()["output"], finished.json()["output_blob"]) == (None, made["blob_id"])
    (shown,) = (await client.get(invocation)).json()["executions"]
    assert (shown["output"], shown["output_blob"]) == (None, made["blob_id"])
    assert await read(client, f"/projects/p/blobs/{made['blob_id']}") == CONTENT
    awaited = {"invocation_ids": [invocation.rpartition("/")[2]]}
    lines = (await client.post("/invocations/results", json=awaited)).text.splitlines()
    line = json.loads(next(filter(None, lines)))
    assert (line["output"], line["output_blob"]) == (None, made["blob_id"])


@pytest.mark.parametrize("store", ["folder"], indirect=True)
async def test_an_execution_keeps_so_many_artifacts(
    client: httpx2.AsyncClient, deployed: Deployed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_plane_server.catalog.blobs.MAX_ARTIFACTS", 1)
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    for _ in range(2):  # in place of the first is none more
        made = await announced(client, execution + "/artifacts", **announcement(b"1", name="a"))
        assert (await upload(client, made, b"1")).is_success
        assert (await client.put(f"{execution}/artifacts/{made['blob_id']}")).status_code == 200
    assert (await client.post(execution + "/artifacts", json=announcement(name="b"))).status_code == 409


async def test_an_artifact_is_no_output(client: httpx2.AsyncClient, deployed: Deployed, database: Database) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    made = await announced(client, execution + "/artifacts", **announcement(name="report.txt"))
    assert (await upload(client, made)).is_success
    report = {"outcome": "SUCCEEDED", "output_blob": made["blob_id"]}
    assert (await client.put(execution + "/finish", json=report)).status_code == 404


async def test_blobs_of_others_do_not_exist(client: httpx2.AsyncClient, deployed: Deployed, database: Database) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    sibling = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    made = await announced(client, execution + "/artifacts", **announcement(name="report.txt"))
    assert (await upload(client, made)).is_success
    assert (await client.put(f"{execution}/artifacts/{made['blob_id']}")).status_code == 200
    elsewhere = await deploy(client, project="other")
    stranger = await add_execution(database, await invoke(client, elsewhere.invocations()), STARTED)
    assert (await client.get(f"/projects/other/blobs/{made['blob_id']}")).status_code == 404
    assert (await client.get(f"{sibling}/blobs/{made['blob_id']}")).status_code == 404
    assert (await client.put(f"{sibling}/artifacts/{made['blob_id']}")).status_code == 404
    assert (await client.put(f"{sibling}/blobs/{made['blob_id']}", content=CONTENT)).status_code == 404
    client.headers.update(token(sibling))
    assert (await client.get(f"{execution}/blobs/{made['blob_id']}")).status_code == 403
    client.headers.update(token(stranger))
    assert (await client.get(f"/projects/p/blobs/{made['blob_id']}")).status_code == 403
    assert (await client.post("/projects/p/blobs", json=announcement())).status_code == 403


async def test_an_execution_that_has_ended_announces_nothing(
    client: httpx2.AsyncClient, deployed: Deployed, database: Database
) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), {**STARTED, **DEAD})
    paths: dict[str, dict[str, Any]] = {"/blobs": {}, "/artifacts": {"name": "x"}}
    for path, more in paths.items():
        assert (await client.post(execution + path, json=announcement(**more))).status_code == 409


async def test_a_project_that_does_not_exist_has_no_blobs(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/projects/nobody/blobs", json=announcement())).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{"size": -1}, {"size": 5 * 1024**3 + 1}, {"sha256": "x"}, {"sha256": "A" * 64}, {"sha256": None}],
)
async def test_what_cannot_be_is_not_announced(client: httpx2.AsyncClient, wrong: dict[str, Any]) -> None:
    assert (await client.post("/projects/p/blobs", json=announcement(**wrong))).status_code == 422


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\0", "x" * 241, "ä" * 121])
async def test_artifacts_have_names_of_files(
    client: httpx2.AsyncClient, deployed: Deployed, database: Database, name: str
) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    assert (await client.post(execution + "/artifacts", json=announcement(name=name))).status_code == 422


@pytest.fixture
async def without_store(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(replace(services, blobs=None)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as client:
        yield client


async def test_without_a_store_one_line_says_so(without_store: httpx2.AsyncClient) -> None:
    await deploy(without_store)
    answer = await without_store.post("/projects/p/blobs", json=announcement())
    assert answer.status_code == 501
    assert "CONTROL_PLANE_BLOBS_URL" in answer.json()["detail"]


async def test_without_a_store_checkpoints_are_short(without_store: httpx2.AsyncClient, database: Database) -> None:
    execution = await add_execution(
        database, await invoke(without_store, (await deploy(without_store)).invocations()), STARTED
    )
    answer = await without_store.post(execution + "/blobs", json=announcement(kind="checkpoint"))
    assert answer.status_code == 501


async def test_a_checkpoint_may_be_a_blob(client: httpx2.AsyncClient, deployed: Deployed, database: Database) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    invocation = execution.partition("/executions/")[0]
    path = execution + "/checkpoint"
    longer = CONTENT + b" "
    first = await announced(client, execution + "/blobs", **announcement(kind="checkpoint"))
    second = await announced(client, execution + "/blobs", **announcement(longer, kind="checkpoint"))
    given_up = await announced(client, execution + "/blobs", **announcement(kind="checkpoint"))
    output = await announced(client, execution + "/blobs")
    assert (await client.put(path, json={"value": "1"})).is_success
    for made, content in ((first, CONTENT), (second, longer), (output, CONTENT)):
        assert (await upload(client, made, content)).is_success
    for wrong, status in ((given_up["blob_id"], 409), (output["blob_id"], 404), ("blo-none", 404)):
        assert (await client.put(path, json={"value": "", "value_blob": wrong})).status_code == status
        assert (await client.get(path)).json()["value"] == "1", "the one before is still there"
    both = {"value": "1", "value_blob": first["blob_id"]}
    assert (await client.put(path, json=both)).status_code == 422
    for _ in range(2):
        saved = await client.put(path, json={"value": "", "value_blob": first["blob_id"]})
        assert saved.status_code == 200, saved.text
        assert (saved.json()["value"], saved.json()["value_blob"]) == ("", first["blob_id"])
    assert (await client.get(path)).json() == saved.json()
    assert await read(client, f"{execution}/blobs/{first['blob_id']}") == CONTENT
    assert (await client.get(invocation)).json()["checkpoint"]["size"] == len(CONTENT)
    assert (await client.put(path, json={"value": "", "value_blob": second["blob_id"]})).is_success
    assert (await client.get(f"{execution}/blobs/{first['blob_id']}")).status_code == 404, "it was replaced"
    assert (await client.put(path, json={"value": "", "value_blob": first["blob_id"]})).status_code == 404
    assert await read(client, f"{execution}/blobs/{second['blob_id']}") == longer
    assert (await client.put(path, json={"value": "2"})).is_success
    assert (await client.get(path)).json()["value"] == "2"
    assert (await client.get(f"{execution}/blobs/{second['blob_id']}")).status_code == 404, "it was replaced"
    async with database.statement() as connection:
        left = await connection.scalars(
            select(BlobRow.blob_id).where(BlobRow.execution_id == execution_id_of(execution))
        )
        assert set(left) == {given_up["blob_id"], output["blob_id"]}


async def test_checkpoints_have_a_bound_of_their_own(
    client: httpx2.AsyncClient, deployed: Deployed, database: Database
) -> None:
    execution = await add_execution(database, await invoke(client, deployed.invocations()), STARTED)
    large = announcement(kind="checkpoint", size=64 * 1024**2 + 1)
    answer = await client.post(execution + "/blobs", json=large)
    assert answer.status_code == 422
    assert "size of a checkpoint must not exceed" in answer.text
