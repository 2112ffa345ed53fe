"""What the API asks of Temporal: on a real server, on one that never answers, and what a user notices of either."""

import socket
import sysconfig
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from structlog.testing import capture_logs
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import register_search_attributes
from api.app import create_app
from api.orchestration import Orchestrator
from api.services import Services
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.orchestration.namespace_link import NamespaceLink
from control_plane_server.orchestration.payloads import data_converter
from tests.api.builders import PROJECT, ROOT_KEYS, bearer, deploy, invoke

CANCEL_REQUESTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED


@pytest.fixture(scope="module")
async def temporal() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=data_converter,
        test_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal-test-server"),
    ) as environment:
        await register_search_attributes(environment.client)
        yield environment.client


@pytest.fixture
async def client(services: Services, temporal: Client) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API whose Temporal is there; no container is."""
    app = create_app(
        replace(services, orchestrator=Orchestrator(temporal, link=NamespaceLink(temporal, services.database)))
    )
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as client:
        yield client


def orchestrator(temporal: Client, services: Services) -> Orchestrator:
    return Orchestrator(temporal, link=NamespaceLink(temporal, services.database))


async def history_of(temporal: Client, workflow_id: str) -> list[EventType.ValueType]:
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    return [event.event_type for event in history.events]


def id_of(invocation: str) -> InvocationId:
    return InvocationId(invocation.rsplit("/", 1)[1])


async def test_a_submit_starts_the_workflow_of_its_invocation(client: httpx2.AsyncClient, temporal: Client) -> None:
    deployed = await deploy(client)
    parent = await invoke(client, deployed.invocations())
    child = await invoke(
        client, deployed.invocations(), parent_invocation={"function_name": "f", "invocation_id": id_of(parent)}
    )
    description = await temporal.get_workflow_handle(id_of(child)).describe()
    assert description.workflow_type == "InvocationWorkflow"
    assert description.task_queue == "invocations"
    attributes = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    assert attributes == {
        "ControlPlaneProject": "p",
        "ControlPlaneVersion": deployed.version_id,
        "ControlPlaneFunction": "f",
        "ControlPlaneParent": id_of(parent),
        "ControlPlaneStatus": "RUNNING",
    }


async def test_a_version_starts_the_preparation_of_its_functions(client: httpx2.AsyncClient, temporal: Client) -> None:
    deployed = await deploy(client)
    description = await temporal.get_workflow_handle(f"prepare-{deployed.version_id}").describe()
    assert (description.workflow_type, description.task_queue) == ("FunctionPreparationWorkflow", "invocations")


async def test_a_workflow_that_was_started_already_is_a_success(
    client: httpx2.AsyncClient, temporal: Client, services: Services
) -> None:
    invocation_id = id_of(await invoke(client, (await deploy(client)).invocations()))
    async with services.database.statement() as connection:
        invocation = await InvocationRepository(connection).get_by_id(invocation_id)
    with capture_logs() as logs:
        await orchestrator(temporal, services).start_invocation(invocation)
    assert logs == []


async def test_a_cancellation_reaches_the_workflow(client: httpx2.AsyncClient, temporal: Client) -> None:
    invocation = await invoke(client, (await deploy(client)).invocations())
    await client.put(f"{invocation}/cancel")
    assert CANCEL_REQUESTED in await history_of(temporal, id_of(invocation))


async def test_what_is_cancelled_at_birth_is_cancelled_in_temporal_too(
    client: httpx2.AsyncClient, temporal: Client
) -> None:
    deployed = await deploy(client)
    await client.delete(PROJECT)
    invocation = await invoke(client, deployed.invocations())
    assert CANCEL_REQUESTED in await history_of(temporal, id_of(invocation))


async def test_it_is_ready_once_both_are_there(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"postgres": "ok", "temporal": "ok"})


async def test_a_temporal_that_never_answers_costs_a_submit_two_seconds(services: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        temporal = await Client.connect(f"127.0.0.1:{port}", lazy=True, data_converter=data_converter)
        app = create_app(
            replace(services, orchestrator=Orchestrator(temporal, link=NamespaceLink(temporal, services.database)))
        )
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])
        ) as client:
            deployed = await deploy(client)
            began = time.monotonic()
            await invoke(client, deployed.invocations())
            assert 1.5 < time.monotonic() - began < 4
            assert (await client.get("/health/ready")).json() == {"postgres": "ok", "temporal": "away"}
