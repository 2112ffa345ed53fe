"""Every endpoint of the OpenAPI document, tried with an execution's token before and after the execution's end.

What a token may do is a table; an endpoint that is not in it fails.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, text, update

from api.app import describe_app
from api.services import Services
from control_plane_server.blobs.location import BlobStoreLocation
from control_plane_server.blobs.opening import open_blob_store
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.execution_tokens import container_token, execution_token, launch_token
from control_plane_server.domain.identifiers import ExecutionId, new_warm_container_id
from tests.api.blob_uploads import CONTENT, announced, announcement, upload
from tests.api.builders import (
    ROOT_KEYS,
    STARTED,
    Json,
    add_execution,
    bearer,
    definition,
    deploy,
    function_spec,
)
from tests.blobs.stores import REGION

NO_INVOCATION = (404, {"detail": "An invocation with this ID does not exist for this function"})
Place = dict[str, str]
TERMINATED = (409, {"detail": "This execution has already terminated"})
OVERTAKEN = (409, {"detail": "Another container has taken this one's place"})
NO_BLOB = (404, {"detail": "A blob with this ID does not exist here"})
NO_DELIVERY = (404, {"detail": "A delivery with this ID does not exist for this webhook"})
NO_BATCH = (404, {"detail": "A batch with this ID does not exist for this function"})


class Scope(Enum):
    ANYONE = auto()  # no key is needed
    OWN = auto()  # the token's own execution, as long as it exists
    PROJECT = auto()  # the token's own project, until its execution is TERMINATED
    VISIBLE = auto()  # like PROJECT, and what is elsewhere does not exist
    CHILDREN = auto()  # what it names exists if it is a child of its own invocation, until its execution is TERMINATED
    ROOT = auto()  # never
    CONTAINER = auto()  # never: of a warm container, by that one's own token


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`content`: bytes for a body. `blob_id`: which of a place's blobs. `status_at_the_end`: of one's own execution
    after its end; `status`: before it. `missing`: how what is elsewhere does not exist."""

    scope: Scope
    query: str = ""
    body: Json | None = None
    content: bytes | None = None
    blob_id: str = "used_input"
    status: int = 200
    status_at_the_end: int = 200
    missing: tuple[int, Any] = NO_INVOCATION


TABLE = {
    "health_check": Row(scope=Scope.ANYONE),
    "health_ready": Row(scope=Scope.ANYONE),
    "create_project": Row(scope=Scope.ROOT),
    "delete_project": Row(scope=Scope.ROOT),
    "get_project": Row(scope=Scope.ROOT),
    "list_projects": Row(scope=Scope.ROOT),
    "create_project_version": Row(scope=Scope.ROOT, body=definition(function_spec())),
    "get_project_version": Row(scope=Scope.PROJECT),
    "list_project_versions": Row(scope=Scope.PROJECT),
    "create_invocation": Row(scope=Scope.PROJECT, body={"input": "1"}),
    "cancel_invocation": Row(scope=Scope.PROJECT),
    "get_invocation": Row(scope=Scope.PROJECT),
    "list_invocations": Row(scope=Scope.PROJECT),
    "list_project_invocations": Row(scope=Scope.PROJECT),
    "count_project_invocations": Row(scope=Scope.PROJECT),
    "list_project_failures": Row(scope=Scope.PROJECT),
    "create_batch": Row(scope=Scope.PROJECT, body={"inputs": ["1"]}),
    "list_batches": Row(scope=Scope.PROJECT),
    "get_batch": Row(scope=Scope.PROJECT),
    "cancel_batch": Row(scope=Scope.PROJECT),
    "follow_batch": Row(scope=Scope.PROJECT),
    "get_batch_by_id": Row(scope=Scope.VISIBLE, missing=NO_BATCH),
    "follow_invocations": Row(scope=Scope.CHILDREN, body={"invocation_ids": ["inv-1"]}),
    "follow_batch_by_id": Row(scope=Scope.VISIBLE, missing=NO_BATCH),
    "cancel_batch_by_id": Row(scope=Scope.VISIBLE, status=409, missing=NO_BATCH),  # it has just been cancelled
    "get_invocation_by_id": Row(scope=Scope.VISIBLE),
    "cancel_invocation_by_id": Row(scope=Scope.VISIBLE),
    "follow_invocation_by_id": Row(scope=Scope.VISIBLE),
    "get_invocation_logs_by_id": Row(scope=Scope.ROOT),
    "replay_invocation": Row(scope=Scope.PROJECT, body={}, status=409),  # it has not ended
    "replay_invocation_by_id": Row(scope=Scope.VISIBLE, body={}, status=409),
    "replay_invocations": Row(scope=Scope.PROJECT, body={"outcome": ["TIMED_OUT"]}, status=409),  # none has
    "follow_invocation": Row(scope=Scope.PROJECT),
    "start_execution": Row(scope=Scope.OWN, status_at_the_end=409),
    "update_execution": Row(scope=Scope.OWN, body={"latest_output": "1"}, status_at_the_end=409),
    "get_execution_environment": Row(scope=Scope.OWN, status_at_the_end=409),
    "save_checkpoint": Row(scope=Scope.OWN, body={"value": "1"}, status_at_the_end=409),
    "get_checkpoint": Row(scope=Scope.OWN, status_at_the_end=404),
    "create_blob": Row(scope=Scope.PROJECT, body=announcement()),
    "upload_blob": Row(scope=Scope.PROJECT, content=CONTENT, blob_id="announced_input"),
    "get_blob": Row(scope=Scope.PROJECT),
    "get_blob_by_id": Row(scope=Scope.VISIBLE, missing=NO_BLOB),
    "list_artifacts": Row(scope=Scope.PROJECT),
    "create_execution_blob": Row(scope=Scope.OWN, body=announcement(kind="output"), status_at_the_end=409),
    "upload_execution_blob": Row(scope=Scope.OWN, content=CONTENT, blob_id="announced_output"),
    "get_execution_blob": Row(scope=Scope.OWN),
    "create_artifact": Row(scope=Scope.OWN, body=announcement(name="a"), status_at_the_end=409),
    "complete_artifact": Row(scope=Scope.OWN, blob_id="uploaded_artifact"),
    "list_artifacts_of_execution": Row(scope=Scope.OWN),
    "finish_execution": Row(scope=Scope.OWN, body={"outcome": "SUCCEEDED"}, status_at_the_end=409),
    "get_execution": Row(scope=Scope.OWN),
    "get_execution_logs": Row(scope=Scope.ROOT),
    "next_execution": Row(scope=Scope.CONTAINER, body={}),
    "get_container_environment": Row(scope=Scope.CONTAINER),
    "set_secret": Row(scope=Scope.ROOT, body={"value": "1"}),
    "list_secrets": Row(scope=Scope.ROOT),
    "get_secret": Row(scope=Scope.ROOT),
    "delete_secret": Row(scope=Scope.ROOT),
    "rotate_secrets": Row(scope=Scope.ROOT),
    "list_schedules": Row(scope=Scope.ROOT),
    "set_schedule": Row(scope=Scope.ROOT, body={"function_name": "f", "every_seconds": 60}),
    "get_schedule": Row(scope=Scope.ROOT),
    "pause_schedule": Row(scope=Scope.ROOT),
    "resume_schedule": Row(scope=Scope.ROOT),
    "trigger_schedule": Row(scope=Scope.ROOT),
    "backfill_schedule": Row(scope=Scope.ROOT, body={"start": 0, "end": 1}),
    "delete_schedule": Row(scope=Scope.ROOT),
    "set_webhook": Row(scope=Scope.ROOT, body={"url": "https://93.184.215.14/"}),
    "list_webhooks": Row(scope=Scope.ROOT),
    "get_webhook": Row(scope=Scope.ROOT),
    "rotate_webhook_secret": Row(scope=Scope.ROOT),
    "list_deliveries": Row(scope=Scope.ROOT),
    "redeliver": Row(scope=Scope.ROOT),
    "delete_webhook": Row(scope=Scope.ROOT),
    "pause_project": Row(scope=Scope.ROOT),
    "resume_project": Row(scope=Scope.ROOT),
    "pause_function": Row(scope=Scope.ROOT),
    "resume_function": Row(scope=Scope.ROOT),
    "get_project_costs": Row(scope=Scope.ROOT, query=f"?since={int(time.time())}"),
    "get_container_repository_credentials": Row(scope=Scope.ROOT),
    "delete_project_images": Row(scope=Scope.ROOT),
    "get_image_folder": Row(scope=Scope.ROOT),
}
ENDPOINTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        operation["operationId"]: (method.upper(), path)
        for path, item in describe_app().openapi()["paths"].items()
        for method, operation in item.items()
    }
)
# Every endpoint, those of an execution in the order in which a container calls them.
IN_ORDER = sorted(ENDPOINTS, key=list(TABLE).index) if ENDPOINTS.keys() == TABLE.keys() else list(ENDPOINTS)

CONTAINER = new_warm_container_id()
WRONG_KEY = (403, {"detail": "The API key is invalid"})
NO_PROJECT = (404, {"detail": "A project with this name does not exist"})


async def request(
    client: httpx2.AsyncClient, operation: str, place: Place, headers: dict[str, str] | None = None
) -> httpx2.Response:
    row, (method, path) = TABLE[operation], ENDPOINTS[operation]
    path = path.format(**place, blob_id=place[row.blob_id]) + row.query
    return await client.request(method, path, json=row.body, content=row.content, headers=headers)


class Holder:
    """Holds the token of an execution in project `p`; knows of others in `p` and in `q`."""

    def __init__(self, client: httpx2.AsyncClient, *, own: Place, beside: Place, elsewhere: Place) -> None:
        self._client = client
        self._token = bearer(execution_token(ROOT_KEYS[0], ExecutionId(own["execution_id"])))
        self.own = own
        self.others = {"beside": beside, "elsewhere": elsewhere}

    def hold(self, token: str) -> None:
        """From now on."""
        self._token = bearer(token)

    async def ask(self, operation: str, place: Place) -> tuple[int, Any]:
        answer = await request(self._client, operation, place, self._token)
        return answer.status_code, answer.text if _is_stream(answer) else answer.json()


def _is_stream(answer: httpx2.Response) -> bool:
    return answer.headers["content-type"].startswith(("text/event-stream", "application/x-ndjson"))


def _place(execution: str, **of: str) -> Place:
    """The path parameters of an execution's path, and of what is beside it."""
    _, _, project, _, version, _, function, _, invocation, _, execution_id = execution.split("/")
    return {
        "project_name": project,
        "version_ref_str": version,
        "function_name": function,
        "invocation_id": invocation,
        "execution_id": execution_id,
        "secret_name": "s",
        "schedule_name": "s",
        "webhook_name": "hook",
        "delivery_id": "whd-1",
        "container_id": CONTAINER,
    } | of


@pytest.fixture
def services(services: Services, tmp_path: Path) -> Services:
    return replace(services, blobs=open_blob_store(BlobStoreLocation(url=tmp_path.as_uri(), region=REGION)))


@pytest.fixture
async def holder(client: httpx2.AsyncClient, services: Services, database: Database) -> Holder:
    services.event_streams.stop()  # each ends after what there is
    services.results.stop()
    places = []
    for project in ("p", "p", "q"):
        deployed = await deploy(client, project=project)
        blobs = f"/projects/{project}/blobs"
        used_input = await announced(client, blobs)
        await upload(client, used_input)
        invocation = await client.post(deployed.invocations(), json={"input_blob": used_input["blob_id"]})
        execution = await add_execution(database, f"{deployed.invocations()}/{invocation.json()['invocation_id']}")
        artifact = await announced(client, f"{execution}/artifacts", **announcement(name="a"))
        await upload(client, artifact)
        output = await announced(client, f"{execution}/blobs", **announcement(kind="output"))
        batch = await client.post(f"{deployed.version}/functions/f/batches", json={"inputs": ["1"]})
        places.append(
            _place(
                execution,
                batch_id=batch.json()["batch_id"],
                used_input=used_input["blob_id"],
                announced_input=(await announced(client, blobs))["blob_id"],
                announced_output=output["blob_id"],
                uploaded_artifact=artifact["blob_id"],
            )
        )
    own, beside, elsewhere = places
    return Holder(client, own=own, beside=beside, elsewhere=elsewhere)


def test_every_endpoint_is_in_the_table() -> None:
    assert TABLE.keys() == ENDPOINTS.keys()


async def test_before_the_end_a_token_is_good_for_its_execution_and_its_project(holder: Holder) -> None:
    for operation in IN_ORDER:
        answer = await holder.ask(operation, holder.own)
        match TABLE[operation].scope:
            case Scope.ROOT | Scope.CONTAINER:
                assert answer == WRONG_KEY, operation
            case Scope.ANYONE:
                assert answer[0] in (200, 503), operation  # Temporal is away here
            case Scope.OWN | Scope.PROJECT | Scope.VISIBLE | Scope.CHILDREN:
                assert answer[0] == TABLE[operation].status, (operation, answer)


async def test_after_the_end_it_is_good_for_its_execution_alone(holder: Holder, database: Database) -> None:
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(container_status="TERMINATED", **dict(STARTED)))
    for operation in IN_ORDER:
        answer = await holder.ask(operation, holder.own)
        match TABLE[operation].scope:
            case Scope.ROOT | Scope.CONTAINER | Scope.PROJECT | Scope.VISIBLE | Scope.CHILDREN:
                assert answer == WRONG_KEY, operation
            case Scope.OWN:
                assert answer[0] == TABLE[operation].status_at_the_end, (operation, answer)
                assert answer != WRONG_KEY
            case Scope.ANYONE:
                assert answer[0] in (200, 503), operation


@pytest.mark.parametrize("has_ended", [False, True])
async def test_it_is_never_good_for_another_execution_or_project(
    holder: Holder, database: Database, has_ended: bool
) -> None:
    if has_ended:
        async with database.statement() as connection:
            await connection.execute(update(ExecutionRow).values(container_status="TERMINATED"))
    for operation in IN_ORDER:
        scope = TABLE[operation].scope
        if scope is Scope.ANYONE:
            continue
        if scope is Scope.CHILDREN and not has_ended:
            status, lines = await holder.ask(operation, holder.others["elsewhere"])
            assert (status, '"outcome":null' in lines) == (200, True)
            continue
        elsewhere = TABLE[operation].missing if scope is Scope.VISIBLE and not has_ended else WRONG_KEY
        assert await holder.ask(operation, holder.others["elsewhere"]) == elsewhere, operation
        if scope not in (Scope.PROJECT, Scope.VISIBLE) or has_ended:
            assert await holder.ask(operation, holder.others["beside"]) == WRONG_KEY, operation


async def test_once_its_project_is_deleted_there_is_nothing_left_that_it_is_good_for(
    holder: Holder, database: Database
) -> None:
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM projects WHERE project_name = 'p'"))
    for operation in IN_ORDER:
        answer = await holder.ask(operation, holder.own)
        match TABLE[operation].scope:
            case Scope.OWN:
                assert answer == NO_PROJECT, operation
            case Scope.PROJECT | Scope.VISIBLE | Scope.ROOT | Scope.CONTAINER | Scope.CHILDREN:
                assert answer == WRONG_KEY, operation
            case Scope.ANYONE:
                assert answer[0] in (200, 503), operation


async def test_the_token_of_the_newest_launch_is_good_for_the_same(holder: Holder, database: Database) -> None:
    await _begin_launch(database, 2)
    holder.hold(launch_token(ROOT_KEYS[0], ExecutionId(holder.own["execution_id"]), 2))
    for operation in IN_ORDER:
        answer = await holder.ask(operation, holder.own)
        if TABLE[operation].scope in (Scope.ROOT, Scope.CONTAINER):
            assert answer == WRONG_KEY, operation
        else:
            assert answer[0] in (TABLE[operation].status, 503), (operation, answer)


async def test_the_token_of_a_launch_that_was_overtaken_writes_nothing(holder: Holder, database: Database) -> None:
    """It is as after the end of the execution, which is under way."""
    await _begin_launch(database, 2)
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(**dict(STARTED)))
    holder.hold(launch_token(ROOT_KEYS[0], ExecutionId(holder.own["execution_id"]), 1))
    for operation in IN_ORDER:
        row, answer = TABLE[operation], await holder.ask(operation, holder.own)
        match row.scope:
            case Scope.OWN:
                assert answer[0] == row.status_at_the_end, (operation, answer)
                if row.status_at_the_end == 409:
                    assert answer in (TERMINATED, OVERTAKEN), operation
            case Scope.ANYONE:
                assert answer[0] in (200, 503), operation
            case _:
                assert answer == WRONG_KEY, operation
    async with database.statement() as connection:
        found = await connection.execute(select(ExecutionRow.output, ExecutionRow.execution_finish_time))
        assert {tuple(row) for row in found} == {(None, None)}


async def _begin_launch(database: Database, number: int) -> None:
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(launches=number))


async def test_a_warm_containers_token_is_good_for_its_own_requests_alone(holder: Holder) -> None:
    holder.hold(container_token(ROOT_KEYS[0], CONTAINER))
    for operation in IN_ORDER:
        answer = await holder.ask(operation, holder.own)
        elsewhere = await holder.ask(operation, holder.own | {"container_id": new_warm_container_id()})
        match TABLE[operation].scope:
            case Scope.CONTAINER:  # the catalog knows of none
                assert answer[0] == (404 if operation == "get_container_environment" else 200), operation
                assert elsewhere == WRONG_KEY, operation
            case Scope.ANYONE:
                assert answer[0] in (200, 503), operation
            case _:
                assert answer == WRONG_KEY, operation


async def test_the_table_is_held_against_answers_of_the_api(client: httpx2.AsyncClient, holder: Holder) -> None:
    """With a root key nothing in the table is forbidden but what is the container's alone: a 403 above says something
    about the token."""
    for operation in IN_ORDER:
        if operation == "delete_project":
            continue
        answer = await request(client, operation, holder.own)
        if operation == "get_execution_environment" or TABLE[operation].scope is Scope.CONTAINER:
            assert (answer.status_code, answer.json()) == WRONG_KEY
            continue
        if operation == "redeliver":
            assert (answer.status_code, answer.json()) == NO_DELIVERY
            continue
        assert answer.status_code in (200, 409, 501, 503), (operation, answer.text)
