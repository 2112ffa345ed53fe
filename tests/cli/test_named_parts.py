"""What is said of a schedule or a webhook that is not there: one line, and how those that are there are listed."""

import json
from typing import Any

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.cli.named_parts import connected_to
from control_plane.protocol import schedules, webhooks

from control_plane_server.domain.errors import NotFound, ScheduleDoesNotExist, WebhookDoesNotExist
from tests.cli.scripted_server import json_answer, scripted_server


@pytest.mark.parametrize(
    ("noun", "missing", "delete"),
    [("schedule", ScheduleDoesNotExist, schedules.delete), ("webhook", WebhookDoesNotExist, webhooks.delete)],
)
async def test_one_that_is_missing_is_named_and_those_that_there_are_can_be_listed(
    monkeypatch: pytest.MonkeyPatch, noun: str, missing: type[NotFound], delete: Any
) -> None:
    refused = json_answer(json.dumps({"detail": missing.__doc__}), status="404 Not Found")
    async with scripted_server(lambda *_: refused) as scripted:
        monkeypatch.setenv("CONTROL_PLANE_API_KEY", "key")
        with pytest.raises(CannotBeDone) as complaint:
            async with connected_to(noun, "nightly", project="p", api_url=scripted.server.api_url) as connection:
                await connection.run(delete(connection.api, "p", "nightly"))
    assert str(complaint.value) == (
        f"project 'p' has no {noun} 'nightly'; list them with: control-plane {noun}s list p"
    )
