"""Sends workflows what is recorded in the catalog: that an execution has a slot, that an invocation is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import structlog
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.invocation_starter import InvocationStarter
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Grant, SlotQueue
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.reconciliation.unstarted_workflows import UnstartedWorkflowRepository
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.domain.identifiers import BatchId, InvocationId
from control_plane_server.domain.messages import ContainerAwaited, SlotGranted
from control_plane_server.domain.unfinished import UnfinishedInvocation
from control_plane_server.liveness.progress import note_progress
from workflows.batch import BatchWorkflow
from workflows.closing import CLOSED
from workflows.invocation import InvocationWorkflow
from workflows.naming import batch_workflow_id, invocation_workflow_id

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans

logger = structlog.get_logger(__name__)

Message = TypeVar("Message")
Answer = TypeVar("Answer")

# Calls at once, of the whole process: more make Temporal slower for all.
_AT_ONCE = 50
# Messages sent together: when all have been tried, the grants among them are recorded as signalled.
_BATCH = 100
# Of one call with its retries: Temporal answers in milliseconds, or not at all.
_RPC_TIMEOUT = timedelta(seconds=10)
# With these the same message would be refused again; all other faults pass by themselves.
_REFUSALS = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION)


class Messenger:
    """Sends messages, which may be repeated. What a message says is in the catalog before it is sent.

    A message that cannot be sent keeps no other from being sent.
    """

    def __init__(self, client: Client, database: Database, *, spans: "Spans | None" = None) -> None:
        """`spans`: None if tracing is off."""
        self._client = client
        self._database = database
        self._starter = InvocationStarter(client, spans)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def deliver(
        self,
        *,
        grants: Sequence[Grant] = (),
        cancelled: Sequence[InvocationId] = (),
        batches: Sequence[BatchId] = (),
    ) -> None:
        """Signal each granted slot, or start its workflow if it is of a batch and has none. Cancel each invocation.
        Have the workflow of each batch look again.

        A slot whose invocation's workflow is closed is revoked and given to the next execution, which is signalled too.
        A message that Temporal refuses, or whose workflow it does not know, is left to the reconciliation.

        Raises RPCError or CatalogIsAway, once everything has been tried: the caller is an activity, whose retry finds
        the same messages again.
        """
        faults: list[Exception] = []
        await self._try_each(self._have_look_again, batches, faults)
        for start in range(0, len(cancelled), _BATCH):
            await self._try_each(self._cancel, cancelled[start : start + _BATCH], faults)
        while grants:
            next_grants: list[Grant] = []
            for start in range(0, len(grants), _BATCH):
                next_grants += await self._deliver_grants(grants[start : start + _BATCH], faults)
            grants = next_grants
        if faults:
            raise faults[0]

    async def start_invocation(self, invocation_id: InvocationId) -> bool:
        """Start its workflow. False if that was done before, or the invocation has ended. Raises RPCError,
        CatalogIsAway."""
        unfinished = await self._unfinished(invocation_id)
        return unfinished is not None and await self._starter.start(unfinished, resumes=False)

    async def signal_container_awaited(self, invocation_id: InvocationId, awaited: ContainerAwaited) -> None:
        """Have the workflow show what its execution waits for. Nothing depends on it: a fault is logged, not raised."""
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id))
        try:
            await handle.signal(InvocationWorkflow.container_awaited, awaited, rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            logger.warning("workflow_is_not_notified", invocation_id=invocation_id, reason=str(error))

    async def is_at_work(self, invocation_id: InvocationId, activity_id: str) -> bool:
        """Whether a process runs this activity now. False while it is scheduled or waits for its next try.

        Raises RPCError, also if the workflow is unknown.
        """
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id))
        pending = (await handle.describe(rpc_timeout=_RPC_TIMEOUT)).raw_description.pending_activities
        return any(
            activity.activity_id == activity_id
            and activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            for activity in pending
        )

    async def cancel_batch(self, batch_id: BatchId) -> None:
        """Cancel the batch's workflow, if it is open. Raises RPCError."""
        await self._cancel_workflow(batch_workflow_id(batch_id))

    async def _deliver_grants(self, grants: Sequence[Grant], faults: list[Exception]) -> list[Grant]:
        """Signal the grants, and record which were signalled, as those are not signalled again soon. Returns the grants
        that replace revoked ones."""
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
        """The messages that were sent, each with its answer. Faults that pass by themselves are added to `faults`."""
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
        """None if it was signalled; else the grants that replace it, if its workflow is closed. The invocation itself
        is ended by the reconciliation, which ends many only with an operator's permission."""
        if grant.may_be_unstarted and await self._start_granted(grant):
            return ()  # not recorded as signalled, a statement less: as a rule it is taken up at once
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

    async def _start_granted(self, grant: Grant) -> bool:
        """As `start_invocation`. It may have ended since the slot was given: then its execution is refused."""
        unfinished = grant.unstarted or await self._unfinished(grant.invocation_id)
        return unfinished is not None and await self._starter.start(unfinished, resumes=False, has_slot=True)

    async def _unfinished(self, invocation_id: InvocationId) -> UnfinishedInvocation | None:
        async with self._database.statement() as connection:
            unfinished = await UnstartedWorkflowRepository(connection).unfinished([invocation_id])
        return unfinished[0] if unfinished else None

    async def _is_closed(self, invocation_id: InvocationId) -> bool:
        """False if Temporal does not know the workflow: it may be another Temporal, or one that has lost its state."""
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id))
        try:
            description = await handle.describe(rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            logger.warning("workflow_is_unknown", invocation_id=invocation_id)
            return False
        return description.status in CLOSED

    async def _have_look_again(self, batch_id: BatchId) -> None:
        handle = self._client.get_workflow_handle(batch_workflow_id(batch_id))
        try:
            await handle.signal(BatchWorkflow.look_again, rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            # Closed, or not started yet: it looks when it is started, by the reconciliation at the latest.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _cancel(self, invocation_id: InvocationId) -> None:
        await self._cancel_workflow(invocation_workflow_id(invocation_id))

    async def _cancel_workflow(self, workflow_id: str) -> None:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            await handle.cancel(rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            # Not started yet: it will find the request in the catalog. Or closed: nothing is left to cancel.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
