"""An end is told through the whole stack, also if the process that tells it is killed in the middle."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
from control_plane.machine.records import read_record
from standardwebhooks.webhooks import Webhook

from control_plane_server.cli.stack.folder import DataFolder
from tests.e2e.project import Project
from tests.webhooks.receivers import Receiver, receiver, silence, status


async def until_received(it: Receiver, number: int) -> None:
    async with asyncio.timeout(200):
        while len(it.received) < number:
            await asyncio.sleep(0.05)


@pytest.mark.platforms("process")
async def test_what_a_killed_loop_was_telling_is_told_again(project: Project, stack_folder: Path) -> None:
    """The project's webhook hangs until the loop is killed; that of the call itself has been told by then."""
    await project.deploy("double")
    webhooks = f"/projects/{project.name}/webhooks"
    async with receiver(silence, status(200)) as slow, receiver(status(200)) as own:
        secret = (await project.http.put(f"{webhooks}/slow", json={"url": slow.url()})).json()["secret"]
        of_calls = (await project.http.post(f"{webhooks}/invocations/rotate-secret")).json()["secret"]
        answer = await project.http.post(
            f"/projects/{project.name}/versions/latest/functions/double/invocations",
            json={"input": json.dumps({"number": 2}), "webhook": {"url": own.url()}, "tags": {"a": "b"}},
        )
        assert answer.status_code == 200, answer.text
        await until_received(slow, 1)
        await until_received(own, 1)
        loop = read_record(DataFolder(stack_folder).record("loop"))
        assert loop is not None
        os.kill(loop.pid, signal.SIGKILL)
        await until_received(slow, 2)
        messages = [Webhook(secret).verify(received.body, received.headers) for received in slow.received]
        assert messages[0] == messages[1]
        assert messages[0]["data"]["invocation_id"] == answer.json()["invocation_id"]
        assert messages[0]["data"]["tags"] == {"a": "b"}
        assert len({received.headers["webhook-id"] for received in slow.received}) == 1
        assert Webhook(of_calls).verify(own.received[0].body, own.received[0].headers)["type"] == messages[0]["type"]
        async with asyncio.timeout(60):
            while True:
                log = (await project.http.get(f"{webhooks}/slow/deliveries")).json()["deliveries"]
                if [delivery["status"] for delivery in log] == ["DELIVERED"]:
                    break
                await asyncio.sleep(0.05)
