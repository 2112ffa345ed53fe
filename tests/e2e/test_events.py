"""An invocation followed while it lives, on every platform: real containers, their logs, their ends."""

from pathlib import Path

import pytest

from tests.api.event_streams import ServerSent, events_of, followed
from tests.e2e.project import Project, lines_of, release_file


def states(events: list[ServerSent]) -> list[object]:
    """Of the execution, and of the invocation once it has ended."""
    found = [event.data for event in events if event.name == "state"]
    return [
        state["invocation_status"] if state["invocation_status"] == "TERMINATED" else state["worker_status"]
        for state in found
    ]


RAN = ["PENDING", "PROVISIONING", "RUNNING", "RUNNING", "RUNNING", "TERMINATED"]


async def test_a_success_is_followed_to_its_output(project: Project) -> None:
    await project.deploy("double")
    invocation_id = await project.invoke("double", number=21)
    events = await events_of(project.http, project.path("double", invocation_id))
    assert states(events) == [None, *RAN, "TERMINATED"]
    assert "doubling 21" in [event.data["line"] for event in events if event.name == "log"]
    assert events[-1].data == {
        "invocation_status": "TERMINATED",
        "outcome": "SUCCEEDED",
        "output": "42",
        "error_message": None,
    }
    again = await events_of(project.http, project.path("double", invocation_id), after=events[0].id)
    # Where in the log the outcome was reported is not recorded.
    for is_log in (True, False):
        assert [event.data for event in again if (event.name == "log") is is_log] == [
            event.data for event in events[1:] if (event.name == "log") is is_log
        ]


async def test_every_attempt_has_its_log_before_its_end(project: Project, tmp_path: Path) -> None:
    await project.deploy("fail_at_first", max_retries=2)
    invocation_id = await project.invoke("fail_at_first", notes=str(tmp_path / "notes"), failures=1)
    events = await events_of(project.http, project.path("fail_at_first", invocation_id))
    assert states(events) == [None, *RAN, *RAN, "TERMINATED"]
    first = [event for event in events if event.data.get("attempt") == 1][-1]
    traceback = [event for event in events if event.name == "log" and "ValueError: run 1" in str(event.data["line"])]
    assert traceback
    assert all(events.index(event) < events.index(first) for event in traceback)
    assert first.data["outcome"] == "FAILED"


@pytest.mark.platforms("process", "docker")  # it is about what the container says to the API
async def test_progress_and_a_cancellation_are_seen_while_they_happen(project: Project, tmp_path: Path) -> None:
    await project.deploy("report_progress")
    notes, release = tmp_path / "notes", tmp_path / "release"
    invocation_id = await project.invoke("report_progress", steps=3, notes=str(notes), release=str(release))
    seen = []
    async with followed(project.http, project.path("report_progress", invocation_id)) as events:
        async for event in events:
            seen.append(event)
            if event.name != "progress":
                continue
            if event.data["output"] == '{"step": 1}':
                await lines_of(notes)
                release_file(f"{release}-1")
            if event.data["output"] == '{"step": 2}':
                await project.cancel("report_progress", invocation_id)
    assert [event.data["output"] for event in seen if event.name == "progress"] == ['{"step": 1}', '{"step": 2}']
    flags = [event.data["cancellation_requested"] for event in seen if event.name == "state"]
    assert flags == sorted(flags, key=bool)
    assert flags.count(True) == 4, "the request, the outcome, the end of the execution and of the invocation"
    assert seen[-1].data["outcome"] == "ABORTED"
