"""Logs from CloudWatch: every line once, in pages, whenever somebody asks."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aioboto3
import pytest

from control_plane_server.domain.containers import LogPage, LogStart
from control_plane_server.domain.entities import ContainerDetails, ContainerType
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from tests.aws.control import Control
from tests.aws.wire import Fault
from tests.provisioners import warm_logs

if TYPE_CHECKING:
    from types_aiobotocore_logs import CloudWatchLogsClient


@pytest.fixture
async def logs(administrator: aioboto3.Session) -> "AsyncIterator[CloudWatchLogsClient]":
    async with administrator.client("logs") as client:
        yield client


class Stream:
    """What a container writes."""

    def __init__(self, logs: "CloudWatchLogsClient", group: str) -> None:
        self._logs = logs
        self._group = group
        self._now = int(time.time() * 1_000)
        name = f"ecs/main/{uuid.uuid4().hex}"
        self.details = ContainerDetails(type=ContainerType.AWS_ECS, identifier="arn", logs_identifier=name)

    async def begin(self) -> None:
        await self._logs.create_log_stream(logGroupName=self._group, logStreamName=self.details.logs_identifier)

    async def write(self, *lines: str, later: int = 0) -> None:
        """At one and the same millisecond, `later` milliseconds after the beginning."""
        events = [{"timestamp": self._now + later, "message": line} for line in lines]
        await self._logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self.details.logs_identifier,
            logEvents=events,  # type: ignore[arg-type]
        )


@pytest.fixture
def stream(logs: "CloudWatchLogsClient", chosen: EcsConfiguration) -> Stream:
    return Stream(logs, chosen.log_group)


async def pages(provisioner: EcsProvisioner, stream: Stream, *, max_lines: int) -> list[LogPage]:
    """All, up to the one that brings nothing new."""
    found: list[LogPage] = []
    offset = None
    while True:
        page = await provisioner.read_logs(stream.details, offset, max_lines)
        found.append(page)
        if page.next_offset == offset:
            return found
        offset = page.next_offset


def lines(found: list[LogPage]) -> list[str]:
    return [line for page in found for line in page.lines]


async def test_no_stream_yet_is_an_empty_page_without_an_offset(provisioner: EcsProvisioner, stream: Stream) -> None:
    assert await provisioner.read_logs(stream.details, None, 10) == LogPage(entries=(), next_offset=None)


async def test_an_empty_stream_has_an_offset_to_go_on_from(provisioner: EcsProvisioner, stream: Stream) -> None:
    await stream.begin()
    page = await provisioner.read_logs(stream.details, None, 10)
    assert page.lines == ()
    assert page.next_offset is not None


@pytest.mark.parametrize("max_lines", [1, 3, 10, 250])
async def test_every_line_comes_once_though_many_are_of_one_millisecond(
    provisioner: EcsProvisioner, stream: Stream, max_lines: int
) -> None:
    await stream.begin()
    for moment in range(5):
        await stream.write(*(f"{moment}.{number}" for number in range(7)), later=moment)
    found = await pages(provisioner, stream, max_lines=max_lines)
    assert lines(found) == [f"{moment}.{number}" for moment in range(5) for number in range(7)]
    assert all(len(page.lines) <= max_lines for page in found)


async def test_reading_goes_on_where_it_ended_when_there_is_more(provisioner: EcsProvisioner, stream: Stream) -> None:
    await stream.begin()
    await stream.write("one", "two")
    first = await provisioner.read_logs(stream.details, None, 10)
    await stream.write("of the same millisecond")
    await stream.write("later", later=1)
    while not (more := await provisioner.read_logs(stream.details, first.next_offset, 10)).lines:
        await asyncio.sleep(0.1)  # a page is shared for a moment
    assert (first.lines, more.lines) == (("one", "two"), ("of the same millisecond", "later"))


async def test_a_follower_of_a_quiet_log_costs_a_call_a_read(
    provisioner: EcsProvisioner, aws: Control, stream: Stream
) -> None:
    """Pages are shared for a moment: each read here asks for another number of lines."""
    await stream.begin()
    await stream.write("one", "two")
    offset = (await provisioner.read_logs(stream.details, None, 10)).next_offset
    await aws.reset_calls()
    for max_lines in (11, 12, 13):
        page = await provisioner.read_logs(stream.details, offset, max_lines)
        assert (page.lines, page.next_offset) == ((), offset)
    assert len(await aws.calls("GetLogEvents")) == 3
    await stream.write("of the same millisecond")
    await stream.write("later", later=1)
    page = await provisioner.read_logs(stream.details, offset, 14)
    assert page.lines == ("of the same millisecond", "later")
    await aws.reset_calls()
    assert (await provisioner.read_logs(stream.details, page.next_offset, 15)).lines == ()
    assert len(await aws.calls("GetLogEvents")) == 1
    assert (await provisioner.read_logs(stream.details, offset, 1)).lines == ("of the same millisecond",)


async def test_a_token_that_is_refused_costs_a_call_and_no_line(
    provisioner: EcsProvisioner, aws: Control, stream: Stream
) -> None:
    await stream.begin()
    await stream.write("one")
    offset = (await provisioner.read_logs(stream.details, None, 10)).next_offset
    await stream.write("two", later=1)
    refusal = "The specified nextToken is invalid."
    await aws.order(
        Fault(action="GetLogEvents", kind="error", code="InvalidParameterException", message=refusal, calls=1)
    )
    assert (await provisioner.read_logs(stream.details, offset, 11)).lines == ("two",)


async def test_reading_begins_where_it_is_told(provisioner: EcsProvisioner, stream: Stream) -> None:
    await stream.begin()
    for moment in range(4):
        await stream.write(*(f"{moment}.{number}" for number in range(3)), later=moment)
    every = await provisioner.read_logs(stream.details, None, 100)
    times = [entry.time_ms or 0 for entry in every.entries]
    assert times == sorted(times)
    assert times[-1] - times[0] == 3
    since = await provisioner.read_logs(stream.details, None, 100, start=LogStart(since_ms=times[-1] - 1))
    assert since.lines == ("2.0", "2.1", "2.2", "3.0", "3.1", "3.2")
    last = await provisioner.read_logs(stream.details, None, 3, start=LogStart(tail=5))
    assert last.lines == ("2.1", "2.2", "3.0")
    assert (await provisioner.read_logs(stream.details, last.next_offset, 100)).lines == ("3.1", "3.2")
    both = LogStart(since_ms=times[-1], tail=100)
    assert (await provisioner.read_logs(stream.details, None, 100, start=both)).lines == ("3.0", "3.1", "3.2")


async def test_long_lines_end_a_page(provisioner: EcsProvisioner, stream: Stream) -> None:
    await stream.begin()
    long = "x" * 240_000
    for moment in range(6):
        await stream.write(f"{moment}{long}", later=moment)
    found = await pages(provisioner, stream, max_lines=250)
    assert [line[0] for line in lines(found)] == ["0", "1", "2", "3", "4", "5"]
    assert max(len(page.lines) for page in found) < 6


@pytest.mark.parametrize(
    "offset", ["", "x", "1", "1.", ".1", "-1.0", "1.1.1", "f/000123", "\u0663.\u0661", "1.1\n", "9" * 20 + ".0"]
)
async def test_a_foreign_offset_is_refused(provisioner: EcsProvisioner, stream: Stream, offset: str) -> None:
    with pytest.raises(OffsetIsInvalid):
        await provisioner.read_logs(stream.details, offset, 10)


async def test_a_hundred_readers_of_a_page_are_one_call(
    provisioner: EcsProvisioner, aws: Control, stream: Stream
) -> None:
    await stream.begin()
    await stream.write("line")
    await aws.reset_calls()
    found = await asyncio.gather(*(provisioner.read_logs(stream.details, None, 10) for _ in range(100)))
    assert {page.lines for page in found} == {("line",)}
    assert len(await aws.calls("GetLogEvents")) == 2, "the second one tells that there is no more"


async def test_throttled_reading_succeeds_a_little_later(
    provisioner: EcsProvisioner, aws: Control, stream: Stream
) -> None:
    await stream.begin()
    await stream.write("line")
    await aws.throttle("GetLogEvents", calls=4)
    assert (await provisioner.read_logs(stream.details, None, 10)).lines == ("line",)


async def test_who_gives_up_on_a_page_does_not_restart_it_for_the_others(
    provisioner: EcsProvisioner, aws: Control, stream: Stream
) -> None:
    await stream.begin()
    await stream.write("line")
    await aws.reset_calls()
    await aws.throttle("GetLogEvents", calls=3)
    hasty, patient = (asyncio.create_task(provisioner.read_logs(stream.details, None, 10)) for _ in range(2))
    while not await aws.calls("GetLogEvents"):
        await asyncio.sleep(0.01)
    hasty.cancel()
    assert (await patient).lines == ("line",)
    assert len(await aws.calls("GetLogEvents")) == 3 + 2


async def test_each_execution_of_a_warm_container_has_its_own_part(provisioner: EcsProvisioner, stream: Stream) -> None:
    """Some lines, and so markers, are of one millisecond."""
    await stream.begin()
    for number, (_, line) in enumerate(warm_logs.written()):
        await stream.write(line, later=number // 3)
    for max_lines in (4, 250):
        await warm_logs.assert_parts(provisioner, stream.details, max_lines=max_lines)
