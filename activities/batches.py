"""The activity of a batch, with the services that it uses."""

from collections.abc import Sequence

from temporalio import activity

from activities.heartbeat import keep_heartbeating
from activities.messenger import Messenger
from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.batch_looks import BatchLookRepository
from control_plane_server.catalog.execution_lifecycle.slots import Grant
from control_plane_server.domain.errors import BatchDoesNotExist, BatchIsAlreadyTerminated
from control_plane_server.domain.identifiers import BatchId, InvocationId
from control_plane_server.domain.messages import AdvanceBatchRequest, BatchProgress, StopReason
from workflows.ports import BatchActivities

# Invocations that end, or are told to, in one transaction, which holds the lock of their function.
_PIECE = 500


class BoundBatchActivities(BatchActivities):
    def __init__(self, *, database: Database, messenger: Messenger, piece: int = _PIECE) -> None:
        """`piece`: how many invocations are ended, or told, at a time."""
        self._database = database
        self._messenger = messenger
        self._piece = piece

    @activity.defn(name="advance_batch")
    async def advance_batch(self, request: AdvanceBatchRequest) -> BatchProgress:
        """Every step is in short transactions, and finds what an earlier try left."""
        async with keep_heartbeating():  # thousands are ended, and told at the pace that Temporal takes
            if request.stop_reason is StopReason.CANCELLED:
                await self._note_cancellation(request.batch_id)
            for part in await self._parts(request):
                await self._end_unstarted(request.batch_id, request.stop_reason, part)
                await self._messenger.deliver(
                    grants=await self._give_slots(request.batch_id, part, ends_delay=request.ends_delay)
                )
            await self._cancel_started(request.batch_id)
            progress = await self._progress(request)
            if progress.is_over and progress.is_cancelled:
                await self._messenger.cancel_batch(request.batch_id)  # so that it closes as cancelled
            return progress

    async def _note_cancellation(self, batch_id: BatchId) -> None:
        """As a request by REST, of which a cancellation by Temporal is another way."""
        try:
            async with self._database.transaction() as connection:
                await BatchRepository(connection).request_cancellation(batch_id)
        except (BatchDoesNotExist, BatchIsAlreadyTerminated):
            return

    async def _parts(self, request: AdvanceBatchRequest) -> Sequence[InvocationId | None]:
        """What is done for each function: one invocation of it. None: the batch is of one function."""
        if not request.is_replay:
            return [None]
        async with self._database.statement() as connection:
            return await BatchLookRepository(connection).parts_of_replay(request.batch_id)

    async def _end_unstarted(self, batch_id: BatchId, reason: StopReason | None, part: InvocationId | None) -> None:
        while True:
            async with self._database.transaction() as connection:
                ended = await BatchEndRepository(connection).end_unstarted(
                    batch_id, reason=reason, at_most=self._piece, of_replay=part
                )
            if ended.ended < self._piece:
                return

    async def _give_slots(self, batch_id: BatchId, part: InvocationId | None, *, ends_delay: bool) -> tuple[Grant, ...]:
        """Nobody else may end for a long time: the first slots are given here."""
        async with self._database.transaction() as connection:
            return await BatchLookRepository(connection).give_slots(
                batch_id, of_replay=part, ends_delay=ends_delay, repeats=activity.info().attempt > 1
            )

    async def _cancel_started(self, batch_id: BatchId) -> None:
        last: InvocationId | None = None
        while True:
            async with self._database.statement() as connection:
                started = await BatchLookRepository(connection).to_cancel(batch_id, after=last, at_most=self._piece)
            if not started:
                return
            await self._messenger.deliver(cancelled=started)
            last = started[-1]

    async def _progress(self, request: AdvanceBatchRequest) -> BatchProgress:
        next_deadline = None
        try:
            async with self._database.statement() as connection:
                batch = await BatchRepository(connection).get_by_id(request.batch_id)
                if request.is_replay:
                    next_deadline = await BatchLookRepository(connection).next_deadline(request.batch_id)
        except BatchDoesNotExist:  # deleted with its project, or by retention
            return BatchProgress(ended=0, size=0)
        counts = batch.counts
        return BatchProgress(
            ended=batch.size - counts.queued - counts.running,
            size=batch.size,
            is_cancelled=batch.cancellation_request_time is not None,
            next_deadline=next_deadline,
        )
