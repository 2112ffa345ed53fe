"""Functions called from an application with an event loop."""

import asyncio
from pathlib import Path

import control_plane as cp
import pytest
from control_plane.access.local_stacks import StackAccess


async def test_calls(access: StackAccess, project: str) -> None:
    async with cp.AsyncClient(access.api_url, access.api_key) as client:
        resize, double = client.function(project, "resize"), client.function(project, "double")
        calls = [await resize.submit(str(number)) for number in range(3)]
        assert await calls[0].result(timeout=60) == {"url": "0", "width": 800}
        assert [found["url"] for found in await client.gather(*calls)] == ["0", "1", "2"]
        assert {call.id async for call in client.as_completed(calls)} == {call.id for call in calls}
        assert await calls[1].status() == "SUCCEEDED"
        assert await calls[1].done()
        # A result may be known a moment before the last line of its log is written.
        assert [line async for line in calls[2].logs(follow=True)] == ["resizing 2"]
        assert [line async for line in calls[2].logs()] == ["resizing 2"]
        assert [found async for found in double.map(range(5))] == [0, 2, 4, 6, 8]
        with pytest.raises(TypeError, match="lacks the argument"):
            await double.submit()
        with pytest.raises(cp.Refused, match="there are: resize"):
            await client.function(project, "resise").submit()
        broken = await resize.submit("broken")
        with pytest.raises(cp.InvocationFailed, match="no picture"):
            await client.gather(broken)
        assert isinstance((await client.gather(broken, return_exceptions=True))[0], cp.InvocationFailed)
        counting = await client.function(project, "count").submit(2)
        assert [value["counted"] async for value in counting.progress()] == [1, 2]
        newest = await anext(client.invocations(project, function="count"))
        assert newest.invocation_id == counting.id


async def test_batches_and_lists(access: StackAccess, project: str) -> None:
    async with cp.AsyncClient(access.api_url, access.api_key) as client:
        assert project in [found.project_name for found in await client.projects()]
        assert (await client.version(project)).version_id == (await client.versions(project))[0].version_id
        async for _ in client.function(project, "double").map(range(3), ordered=False):
            pass
        newest = await anext(client.invocations(project, function="double"))
        batch_id = newest.document["batch_id"]
        assert (await client.batch(batch_id)).size == 3
        assert [result.position async for result in client.batch_results(batch_id, after=1)] == [2, 3]
        await client.cancel_batch(batch_id)


async def test_deploying_leaves_the_loop_alone(access: StackAccess, project: str, folder: Path) -> None:
    async with cp.AsyncClient(access.api_url, access.api_key) as client:
        deploying = asyncio.ensure_future(client.deploy("others", folder))
        assert await client.projects()
        assert (await deploying).project_name == "others"


def test_a_client_outlives_an_event_loop(access: StackAccess, project: str) -> None:
    client = cp.AsyncClient(access.api_url, access.api_key)

    async def work() -> int:
        async with client:
            call = await client.function(project, "double").submit(2)
            result: int = await call.result(timeout=60)
            return result

    def in_a_loop_of_its_own() -> int:
        with asyncio.Runner() as runner:
            return runner.run(work())

    assert in_a_loop_of_its_own() == in_a_loop_of_its_own() == 4
