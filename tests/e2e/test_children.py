"""A function that calls others, each in a container of its own."""

import json

import pytest

from tests.e2e.project import Project


@pytest.mark.platforms("process")
async def test_each_way_to_call_them(project: Project) -> None:
    await project.deploy("call_others", "count_up", "triple", "refuse", max_retries=1, retry_initial_interval_seconds=1)
    invocation_id = await project.invoke("call_others", numbers=[1, 2, 3])
    invocation = await project.ended("call_others", invocation_id)
    (execution,) = invocation["executions"]
    assert execution["outcome"] == "SUCCEEDED", execution["error_message"]
    found = json.loads(execution["output"])
    assert [found[way] for way in ("in order", "as they end", "gathered")] == [[3, 6, 9]] * 3
    assert found["progress"][-1] == 2
    assert found["after it"] == ["counted"]
    assert (
        found["unknown"]
        == "there is no function 'tripel' in this version; there are call_others, count_up, refuse, triple"
    )
    assert found["failure"] == ["ValueError", "no good", 2, "FAILED"]
    first, *_, last = found["traceback"].strip().splitlines()
    assert (first, last) == ("Traceback (most recent call last):", "ValueError: no good")
    assert "in refuse" in found["traceback"]
    assert "control_plane" not in found["traceback"]
