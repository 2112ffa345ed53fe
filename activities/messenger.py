"""Tells workflows what has been decided in the catalog: that they have a slot, that they are to be cancelled."""

import asyncio
from collections.abc import Sequence

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from catalog.database import Database
from catalog.endings import EndedInvocation, EndingRepository
from catalog.slots import Grant
from domain.identifiers import InvocationId
from domain.messages import SlotGranted, WorkerAwaited
from workflows.invocation import InvocationWorkflow
from workflows.naming import invocation_workflow_id

logger = structlog.get_logger(__name__)


class Messenger:
    """Sends messages that may be repeated. What a message says is in the catalog before it is sent.

    Raises RPCError if Temporal is away: the caller is an activity, whose retry finds the same messages again.
    """

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database

    async def tell(self, *, grants: Sequence[Grant] = (), cancelled: Sequence[InvocationId] = ()) -> None:
        """Signal each granted slot, cancel each invocation.

        A slot whose invocation has no workflow any more is taken back and goes to the next, who is told too.
        """
        while grants or cancelled:
            ended, _ = await asyncio.gather(
                asyncio.gather(*(self._grant(grant) for grant in grants)),
                asyncio.gather(*(self._cancel(invocation_id) for invocation_id in cancelled)),
            )
            grants = [grant for invocation in ended for grant in invocation.grants]
            cancelled = [child for invocation in ended for child in invocation.children]

    async def tell_awaited(self, invocation_id: InvocationId, awaited: WorkerAwaited) -> None:
        """For whoever looks at the workflow: nothing depends on it, so a fault is no reason to stop."""
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id))
        try:
            await handle.signal(InvocationWorkflow.worker_awaited, awaited)
        except RPCError as error:
            logger.warning("workflow_is_not_told", invocation_id=invocation_id, reason=str(error))

    async def _grant(self, grant: Grant) -> EndedInvocation:
        handle = self._client.get_workflow_handle(invocation_workflow_id(grant.invocation_id))
        try:
            await handle.signal(InvocationWorkflow.slot_granted, SlotGranted(execution_id=grant.execution_id))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            async with self._database.transaction() as connection:
                return await EndingRepository(connection).take_back(grant)
        return EndedInvocation(grants=(), children=())

    async def _cancel(self, invocation_id: InvocationId) -> None:
        try:
            await self._client.get_workflow_handle(invocation_workflow_id(invocation_id)).cancel()
        except RPCError as error:
            # Not started yet: it will find the request in the catalog. Or closed: nothing is left to cancel.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
