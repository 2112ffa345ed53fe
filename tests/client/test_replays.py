"""What has ended, once more: one call, or all of a project that are so."""

import asyncio
import time

import control_plane as cp
from control_plane.access.local_stacks import StackAccess

TERMINATED = "TERMINATED"


def test_one_and_all_that_match(client: cp.Client, project: str) -> None:
    resize = client.function(project, "resize")
    call = resize.submit("broken", options=cp.Options(tags={"night": "sync"}))
    other = resize.submit("a.png", width=3, options=cp.Options(tags={"night": "sync"}))
    assert client.gather(call, other, return_exceptions=True)[1] == {"url": "a.png", "width": 3}
    again = other.replay(in_version="latest", idempotency_key="replayed-once")
    assert again.result(timeout=60) == {"url": "a.png", "width": 3}
    assert client.invocation(other.id).replay(in_version="latest", idempotency_key="replayed-once").id == again.id

    while client.invocation_counts(project, tags={"night": "sync"}, status=TERMINATED)["FAILED"] < 1:
        time.sleep(0.1)  # its container has to go
    batch = client.replay(project, tags={"night": "sync"}, outcome=["FAILED", "TIMED_OUT"])
    (result,) = batch.results()
    assert (batch.info().function_name, result.outcome) == (None, "FAILED")
    (made,) = client.invocations(project, batch=batch.id)
    assert made.document["replayed_from"] == call.id
    batch.cancel()  # of one that has ended: nothing


async def test_the_same_with_an_event_loop(access: StackAccess, project: str) -> None:
    async with cp.AsyncClient(access.api_url, access.api_key) as client:
        call = await client.function(project, "double").submit(21, options=cp.Options(tags={"night": "async"}))
        assert await call.result(timeout=60) == 42
        assert await (await call.replay()).result(timeout=60) == 42
        tags = {"night": "async"}
        while (await client.invocation_counts(project, tags=tags, status=TERMINATED))["SUCCEEDED"] < 2:
            await asyncio.sleep(0.1)
        batch = await client.replay(project, function="double", tags=tags, outcome="SUCCEEDED")
        results = [result.output async for result in client.batch_results(batch.batch_id)]
        assert results == ["42", "42"]
        await client.cancel_batch(batch.batch_id)
