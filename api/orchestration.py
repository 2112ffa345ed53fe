"""The API's requests to Temporal. The catalog's rows are the outbox: the reconciliation repeats requests that fail."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import Invocation, Project, Version
from control_plane_server.domain.errors import TemporalIsAway
from control_plane_server.domain.identifiers import InvocationId, ScheduleId
from control_plane_server.domain.schedules import Schedule
from control_plane_server.orchestration.namespace_link import NamespaceLink
from workflows import naming, requests, starting
from workflows.schedules import delete_schedule, match_schedule, next_times, times_between

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans

# For all calls of one request, the client's own retries (six seconds) included: users do not wait for Temporal.
_PATIENCE = timedelta(seconds=2)

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class Orchestrator:
    """Starts and cancels workflows. A failure is logged and left to the reconciliation, never raised."""

    def __init__(
        self,
        client: Client,
        *,
        link: NamespaceLink,
        spans: "Spans | None" = None,
        on_undelivered: Callable[[], None] = lambda: None,
    ) -> None:
        """`client`: a lazy one, so that this process starts without Temporal. `link`: nothing is sent to a namespace
        that is not ours. `spans`: None if tracing is off. `on_undelivered`: called when a request is left to the
        reconciliation."""
        self._client = client
        self.link = link
        self._spans = spans
        self._on_undelivered = on_undelivered

    async def start_invocation(self, invocation: Invocation) -> bool:
        """Start the workflow, and cancel it at once if the invocation was created as cancelled. Whether it was started
        by this call."""
        structlog.contextvars.bind_contextvars(invocation_id=invocation.invocation_id)
        started = await self._try(self._start_invocation(invocation), verb="start", what=invocation.invocation_id)
        return started is True

    async def cancel_invocation(self, invocation_id: InvocationId) -> None:
        """Cancel the workflow. Its children are cancelled by its activities."""
        await self._try(self._cancel(invocation_id), verb="cancel", what=invocation_id)

    async def start_batch(self, batch: Batch) -> None:
        """Start the workflow of a new batch."""
        await self._try(
            starting.start_batch(self._client, requests.for_batch(batch)), verb="start", what=batch.batch_id
        )

    async def advance_batch(self, batch: Batch) -> None:
        """Have the workflow of a batch look at it: some of it is to be cancelled."""
        look = starting.start_batch(self._client, requests.for_batch(batch), looks_again=True)
        await self._try(look, verb="look at", what=batch.batch_id)

    async def start_preparation(self, version: Version) -> None:
        """Start the preparation of all functions of a new version."""
        preparation = starting.start_preparation(self._client, requests.for_version(version))
        await self._try(preparation, verb="prepare", what=version.version_id)

    async def start_deletion(self, project: Project) -> None:
        """A repeated request finds the deletion under way, or done."""
        deletion = starting.start_deletion(self._client, requests.for_deletion(project))
        await self._try(deletion, verb="delete", what=project.project_name)

    async def match_schedules(self, changed: Iterable[Schedule], removed: Iterable[ScheduleId] = ()) -> None:
        """Have Temporal's schedules be as the catalog's are."""
        for_changed = (
            self._try(match_schedule(self._client, one), verb="match", what=one.schedule_id) for one in changed
        )
        for_removed = (self._try(delete_schedule(self._client, one), verb="delete", what=one) for one in removed)
        await asyncio.gather(*for_changed, *for_removed)

    async def next_times(self, schedule_id: ScheduleId) -> list[datetime] | None:
        """The next ten of a schedule; None if Temporal does not say."""
        try:
            return await self._ask(next_times(self._client, schedule_id))
        except TemporalIsAway:
            return None

    async def times_between(self, schedule_id: ScheduleId, start: datetime, end: datetime) -> list[datetime]:
        """At most 1,000. Raises TemporalIsAway."""
        return await self._ask(times_between(self._client, schedule_id, start, end))

    async def answers(self) -> bool:
        """Whether Temporal answers within two seconds."""
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                return await self._client.service_client.check_health()
        except (RPCError, RuntimeError, TimeoutError):
            return False

    async def _try(self, request: Coroutine[Any, Any, Answer], *, verb: str, what: str) -> Answer | None:
        """The answer; None if there was none."""
        reason = self.link.problem
        if reason is not None:
            request.close()
        else:
            try:
                async with asyncio.timeout(_PATIENCE.total_seconds()):
                    return await request
            except (RPCError, RuntimeError, TimeoutError) as error:  # RuntimeError: a lazy client could not connect
                reason = repr(error)
        logger.warning("workflow_is_left_to_reconciliation", request=verb, of=what, reason=reason)
        self._on_undelivered()
        return None

    async def _ask(self, question: Coroutine[Any, Any, Answer]) -> Answer:
        """Raises TemporalIsAway."""
        if self.link.problem is not None:
            question.close()
            raise TemporalIsAway
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                return await question
        except (RPCError, RuntimeError, TimeoutError) as error:
            raise TemporalIsAway from error

    async def _start_invocation(self, invocation: Invocation) -> bool:
        is_started = await starting.start_invocation(
            self._client,
            requests.for_invocation(
                invocation, traceparent=None if self._spans is None else self._spans.current_traceparent()
            ),
        )
        if invocation.cancellation_request_time is not None:
            await self._cancel(invocation.invocation_id)
        return is_started

    async def _cancel(self, invocation_id: InvocationId) -> None:
        await self._client.get_workflow_handle(naming.invocation_workflow_id(invocation_id)).cancel()
