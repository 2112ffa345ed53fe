"""The steady load: users who call functions, repeat themselves, and change their minds."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from control_plane_server.domain.identifiers import InvocationId
from tests.chaos.client import ApiClient, Json
from tests.chaos.ledger import Ledger
from tests.chaos.plan import Call, CancelBy

_RETRY_SECONDS = 0.3


class Load:
    def __init__(self, *, api: ApiClient, temporal: Client, notes: Path, ledger: Ledger) -> None:
        """`notes`: the file in which functions note their runs."""
        self._api = api
        self._temporal = temporal
        self._notes = notes
        self._ledger = ledger

    async def run(self, calls: Iterator[Call], *, is_over: asyncio.Event) -> None:
        """Calls that are under way at the end are still brought to theirs."""
        async with asyncio.TaskGroup() as users:
            for call in calls:
                with suppress(TimeoutError):
                    async with asyncio.timeout(call.pause):
                        await is_over.wait()
                    return
                users.create_task(self._make(call))

    async def _make(self, call: Call) -> None:
        invocation_id = await self._submit(call)
        if invocation_id is None or call.cancel_by is None:
            return
        await asyncio.sleep(call.cancel_after)
        self._ledger.asked_to_cancel.add(invocation_id)
        match call.cancel_by:
            case CancelBy.REST:
                await self._cancel_by_rest(invocation_id)
            case CancelBy.TEMPORAL:
                await self._cancel_by_temporal(invocation_id)

    async def _submit(self, call: Call) -> InvocationId | None:
        """With a key until it is accepted, and perhaps once more; without one once: its answer may be lost."""
        arguments: Json = {"label": call.label, "notes": str(self._notes)}
        if call.seconds is not None:
            arguments |= {"seconds": call.seconds}
        body = {"input": json.dumps(arguments)}
        if not call.has_key:
            return self._accepted(call, await self._api.submit(call.function, body))
        while (answer := await self._api.submit(call.function, body, key=call.label)) is None:
            await asyncio.sleep(_RETRY_SECONDS)
        if call.is_repeated:
            self._accepted(call, await self._api.submit(call.function, body, key=call.label))
        return self._accepted(call, answer)

    def _accepted(self, call: Call, answer: Json | None) -> InvocationId | None:
        if answer is None:
            return None
        invocation_id = InvocationId(str(answer["invocation_id"]))
        self._ledger.accept(call.label, invocation_id)
        return invocation_id

    async def _cancel_by_rest(self, invocation_id: InvocationId) -> None:
        if await self._api.cancel(invocation_id) is not None:
            self._ledger.cancelled.add(invocation_id)

    async def _cancel_by_temporal(self, invocation_id: InvocationId) -> None:
        try:
            await self._temporal.get_workflow_handle(invocation_id).cancel()
        except RPCError as error:  # closed, not started yet, or Temporal is away
            self._ledger.answers[f"Temporal {error.status.name}"] += 1
