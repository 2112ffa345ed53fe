"""Tells workflows what has been decided in the catalog: that they have a slot, that they are to be cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from catalog.database import Database
from catalog.execution_lifecycle.slots import Grant, SlotQueue
from catalog.execution_lifecycle.terminations import TerminationRepository
from domain.errors import CatalogIsAway
from domain.identifiers import InvocationId
from domain.messages import ContainerAwaited, SlotGranted
from liveness.progress import note_progress
from workflows.closing import CLOSED
from workflows.invocation import InvocationWorkflow
from workflows.naming import invocation_workflow_id

logger = structlog.get_logger(__name__)

Message = TypeVar("Message")
Answer = TypeVar("Answer")

# At once, of a whole process: more only makes Temporal slower for everybody.
_AT_ONCE = 50
# What is told together: the grants among it are noted as signalled when all of it has been tried.
_BATCH = 100
# With its retries. Temporal answers in milliseconds, or not at all.
_RPC_TIMEOUT = timedelta(seconds=10)
# The same message will be refused again; every other fault passes by itself.
_REFUSALS = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION)


class Messenger:
    """Sends messages that may be repeated. What a message says is in the catalog before it is sent.

    One that cannot be sent keeps none of the others from being sent.
    """

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def deliver(self, *, grants: Sequence[Grant] = (), cancelled: Sequence[InvocationId] = ()) -> None:
        """Signal each granted slot, cancel each invocation.

        A slot whose invocation's workflow is closed is taken back and goes to the next, who is told too. A message that
        Temporal refuses, or whose workflow it does not know, is left to the reconciliation.

        Raises RPCError or CatalogIsAway, once everything has been tried: the caller is an activity, whose retry finds
        the same messages again.
        """
        faults: list[Exception] = []
        for start in range(0, len(cancelled), _BATCH):
            await self._try_each(self._cancel, cancelled[start : start + _BATCH], faults)
        while grants:
            next_grants: list[Grant] = []
            for start in range(0, len(grants), _BATCH):
                next_grants += await self._deliver_grants(grants[start : start + _BATCH], faults)
            grants = next_grants
        if faults:
            raise faults[0]

    async def signal_container_awaited(self, invocation_id: InvocationId, awaited: ContainerAwaited) -> None:
        """For whoever looks at the workflow: nothing depends on it, so a fault is no reason to stop."""
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id))
        try:
            await handle.signal(InvocationWorkflow.container_awaited, awaited, rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            logger.warning("workflow_is_not_notified", invocation_id=invocation_id, reason=str(error))

    async def is_at_work(self, invocation_id: InvocationId, activity_id: str) -> bool:
        """Whether a process has this activity of the workflow; not if it waits for its turn, or for its next try.

        Raises RPCError.
        """
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id))
        pending = (await handle.describe(rpc_timeout=_RPC_TIMEOUT)).raw_description.pending_activities
        return any(
            activity.activity_id == activity_id
            and activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            for activity in pending
        )

    async def _deliver_grants(self, grants: Sequence[Grant], faults: list[Exception]) -> list[Grant]:
        """Signal them and note which were: nobody signals those again for a while. Returns who got slots instead."""
        answers = await self._try_each(self._grant, grants, faults)
        if signalled := [grant.execution_id for grant, answer in answers if answer is None]:
            async with self._database.statement() as connection:
                await SlotQueue(connection).note_signalled(signalled)
        return [grant for _, instead in answers for grant in instead or ()]

    async def _try_each(
        self,
        send: Callable[[Message], Awaitable[Answer]],
        messages: Sequence[Message],
        faults: list[Exception],
    ) -> list[tuple[Message, Answer]]:
        """The messages that were sent, each with its answer. What passes by itself is added to `faults`."""
        answers: list[tuple[Message, Answer]] = []

        async def try_one(message: Message) -> None:
            try:
                async with self._turns:
                    answers.append((message, await send(message)))
            except CatalogIsAway as error:
                faults.append(error)
            except RPCError as error:
                if error.status in _REFUSALS:
                    logger.error("workflow_refuses_a_message", message=str(message), reason=str(error))
                else:
                    faults.append(error)
            note_progress()

        await asyncio.gather(*(try_one(message) for message in messages))
        return answers

    async def _grant(self, grant: Grant) -> Sequence[Grant] | None:
        """None once it is signalled; else whom to tell instead, as its workflow cannot be told any more. The invocation
        itself is ended by the reconciliation, which does not end many unasked."""
        handle = self._client.get_workflow_handle(invocation_workflow_id(grant.invocation_id))
        try:
            await handle.signal(
                InvocationWorkflow.slot_granted,
                SlotGranted(execution_id=grant.execution_id),
                rpc_timeout=_RPC_TIMEOUT,
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        else:
            return None
        if await self._is_closed(grant.invocation_id):
            async with self._database.transaction() as connection:
                return await TerminationRepository(connection).revoke_grant(grant)
        return ()

    async def _is_closed(self, invocation_id: InvocationId) -> bool:
        """Not if Temporal does not know the workflow: that proves nothing, it may be another or an emptied Temporal."""
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id))
        try:
            description = await handle.describe(rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            logger.warning("workflow_is_unknown", invocation_id=invocation_id)
            return False
        return description.status in CLOSED

    async def _cancel(self, invocation_id: InvocationId) -> None:
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id))
        try:
            await handle.cancel(rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            # Not started yet: it will find the request in the catalog. Or closed: nothing is left to cancel.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
