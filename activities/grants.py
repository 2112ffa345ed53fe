"""Tells workflows that their executions have slots."""

import asyncio
from collections import deque
from collections.abc import Iterable

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from catalog.database import Database
from catalog.endings import EndingRepository
from catalog.slots import Grant
from domain.messages import SlotGranted
from workflows.invocation import InvocationWorkflow
from workflows.naming import invocation_workflow_id


class GrantSender:
    """Hands granted slots to whom they were given."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database

    async def send(self, grants: Iterable[Grant]) -> None:
        """Signal each grant's workflow. Where none runs any more, its invocation is ended and the slot goes on.

        Raises RPCError if Temporal is away: the caller is an activity, whose retry finds unclaimed grants again.
        """
        waiting = deque(grants)
        while waiting:
            batch = list(waiting)
            waiting.clear()
            passed_on = await asyncio.gather(*(self._send(grant) for grant in batch))
            for further in passed_on:
                waiting.extend(further)

    async def _send(self, grant: Grant) -> tuple[Grant, ...]:
        handle = self._client.get_workflow_handle_for(
            InvocationWorkflow.run, invocation_workflow_id(grant.invocation_id)
        )
        try:
            await handle.signal(InvocationWorkflow.slot_granted, SlotGranted(execution_id=grant.execution_id))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            async with self._database.transaction() as session:
                return await EndingRepository(session).end_invocation(grant.invocation_id)
        return ()
