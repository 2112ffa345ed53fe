"""How many streams a process serves at once, and to whom."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from api.events.streams import EventStream, EventStreams
from api.services import Services
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from control_plane_server.catalog.paths import FunctionPath, InvocationPath
from control_plane_server.domain.errors import InvocationDoesNotExist, OffsetIsInvalid, ServiceIsUnavailable
from environment.settings import PostgresSettings
from tests.api.builders import deploy, invoke


@pytest.fixture
async def streams(services: Services, postgres_settings: PostgresSettings) -> AsyncIterator[EventStreams]:
    """At most five, two of which are for root keys."""
    async with NotificationListener(postgres_settings.url, [INVOCATIONS_CHANNEL]) as listener:
        yield EventStreams(services.database, listener, services.provisioner, max_streams=5, root_reserve=2)


@pytest.fixture
async def path(client: httpx2.AsyncClient) -> InvocationPath:
    invocation = await invoke(client, (await deploy(client)).invocations())
    _, _, project, _, version, _, function, _, invocation_id = invocation.split("/")
    return InvocationPath(
        function=FunctionPath(project_name=project, version_ref=version, function_name=function),
        invocation_id=invocation_id,
    )


async def open_stream(streams: EventStreams, path: InvocationPath, *, is_root: bool) -> EventStream | None:
    return await streams.open(path, cursor=None, with_logs=False, is_root=is_root)


async def opened_at_once(streams: EventStreams, path: InvocationPath, *, is_root: bool) -> list[EventStream]:
    """Of ten."""
    answers = await asyncio.gather(
        *(open_stream(streams, path, is_root=is_root) for _ in range(10)), return_exceptions=True
    )
    opened = [answer for answer in answers if isinstance(answer, EventStream)]
    assert all(isinstance(answer, EventStream | ServiceIsUnavailable) for answer in answers)
    return opened


async def test_those_that_are_opened_at_once_are_counted_and_some_are_left_to_root_keys(
    streams: EventStreams, path: InvocationPath
) -> None:
    of_executions = await opened_at_once(streams, path, is_root=False)
    of_root_keys = await opened_at_once(streams, path, is_root=True)
    assert (len(of_executions), len(of_root_keys)) == (3, 2)


async def test_whatever_becomes_of_a_stream_its_place_is_given_back(
    streams: EventStreams, path: InvocationPath
) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise OSError("nobody is there any more")

    missing = InvocationPath(function=path.function, invocation_id="inv-of-nobody")
    for _ in range(6):
        with pytest.raises(InvocationDoesNotExist):
            await open_stream(streams, missing, is_root=True)
        with pytest.raises(OffsetIsInvalid):
            await streams.open(path, cursor="x", with_logs=False, is_root=True)
    opened = await opened_at_once(streams, path, is_root=True)
    for stream in opened:
        with pytest.raises(ClientDisconnect):
            await stream({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    again = await opened_at_once(streams, path, is_root=True)
    assert (len(opened), len(again)) == (5, 5)
