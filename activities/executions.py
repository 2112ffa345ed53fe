"""`run_execution`: one attempt, from its slot to its recorded end."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from activities import metrics
from activities.container_launcher import ContainerLauncher, LaunchTools
from activities.container_watch import ContainerWatch
from activities.errors import shortened
from activities.execution_ends import ExecutionEnd, ExecutionEnds
from activities.unreached_api import told_apart
from activities.warm.launcher import LeasingLauncher
from activities.warm.lease_watch import LeaseWatch
from activities.warm.requests import new_lease
from control_plane_server.catalog.execution_lifecycle.claims import Claim, ClaimRepository
from control_plane_server.catalog.execution_lifecycle.slots import FIRST_LAUNCH, Assignment, Refusal, Refused, SlotQueue
from control_plane_server.catalog.execution_lifecycle.terminations import TerminatedExecution
from control_plane_server.catalog.warm_containers.containers import WarmContainer
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.domain.containers import Container, ContainerExit, ContainerName, ExitCause
from control_plane_server.domain.entities import ExecutionOutcome, PreparedFunction
from control_plane_server.domain.errors import FunctionFailure, Misconfigured
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.domain.messages import AttemptState, RunExecutionRequest, RunExecutionResult

logger = structlog.get_logger(__name__)

_Wait = Callable[[Container], Awaitable[ContainerExit]]


class ExecutionRunner:
    """Runs executions on a provisioner.

    May die between any two lines, and run twice at once: every write is conditional and every launch has a name.
    """

    def __init__(self, *, tools: LaunchTools, watch: ContainerWatch, lease_watch: LeaseWatch) -> None:
        self._tools = tools
        self._watch = watch
        self._lease_watch = lease_watch
        self._ends = ExecutionEnds(tools.database)

    async def run(self, request: RunExecutionRequest) -> RunExecutionResult:
        """Run one attempt until its end is recorded; QUEUED at once if it has no slot.

        Raises Unavailable for faults that pass by themselves: the next try resumes the same execution.
        """
        taken, leased = await self._take(request)
        if isinstance(taken, Refused):
            return await self._refused(request, taken)
        prepared = taken.function.prepared
        function = taken.function.ref
        if prepared is None:
            return await self._close(request, function, reason=taken.function.preparation_error, allows_retry=False)
        launcher, wait = self._parts(request, taken, prepared, leased)
        reason, allows_retry = await self._run_to_its_end(request, launcher, wait)
        return await self._close(request, function, reason=reason, allows_retry=allows_retry, launch=launcher.launch)

    async def _take(self, request: RunExecutionRequest) -> tuple[Assignment | Refused, WarmContainer | None]:
        """A slot, and with it a container if one is idle."""
        if request.has_slot and (claim := await self._claim(request)) is not None:
            return claim.assignment, claim.leased
        async with self._tools.database.transaction() as connection:
            taken = await SlotQueue(connection).take(
                invocation_id=request.invocation_id, execution_id=request.execution_id, attempt=request.attempt
            )
            if isinstance(taken, Refused) or taken.function.reuse is None or not taken.launch.is_new:
                return taken, None
            first = ContainerName(execution_id=request.execution_id, launch=taken.launch.number)
            return taken, await LeaseRepository(connection).lease(new_lease(request, taken.function.ref, first))

    async def _claim(self, request: RunExecutionRequest) -> Claim | None:
        first = ContainerName(execution_id=request.execution_id, launch=FIRST_LAUNCH.number)
        traceparent = None if request.trace is None else str(request.trace.below(str(first)))
        async with self._tools.database.statement() as connection:
            return await ClaimRepository(connection).claim(request.execution_id, traceparent=traceparent)

    def _parts(
        self,
        request: RunExecutionRequest,
        taken: Assignment,
        prepared: PreparedFunction,
        leased: WarmContainer | None,
    ) -> tuple[ContainerLauncher, _Wait]:
        """What gives the execution its containers, and what waits for its end in one of them."""
        if taken.function.reuse is not None:
            leasing = LeasingLauncher(self._tools, request, taken, prepared, leased_with_slot=leased)
            return leasing, lambda container: self._lease_watch.wait_for_end(leasing.lease(container))
        seconds = taken.function.execution_spec.attempt_timeout_seconds
        timeout = None if seconds is None else timedelta(seconds=seconds)
        wait = partial(self._watch.wait_for_exit, invocation_id=request.invocation_id, attempt_timeout=timeout)
        return ContainerLauncher(self._tools, request, taken, prepared), wait

    async def _refused(self, request: RunExecutionRequest, refused: Refused) -> RunExecutionResult:
        match refused.refusal:
            case Refusal.QUEUED:
                await self._tools.messenger.deliver(grants=refused.grants)
                return RunExecutionResult(state=AttemptState.QUEUED)
            case Refusal.STOPPED:
                return RunExecutionResult(state=AttemptState.REFUSED)
            case Refusal.TERMINATED:
                return await self._close(request, None, reason=None, allows_retry=False)

    async def _run_to_its_end(
        self, request: RunExecutionRequest, launcher: ContainerLauncher, wait: _Wait
    ) -> tuple[str | None, bool]:
        """Why the container ended, and whether another attempt may help. A lost container is replaced."""
        try:
            container = await launcher.ensure_container()
            container_exit = None
            while container is not None:
                container_exit = await told_apart(await wait(container), container, request, self._tools)
                if container_exit.cause is not ExitCause.LOST:
                    return container_exit.reason, container_exit.cause is not ExitCause.MISCONFIGURED
                container = await launcher.replace_container(container_exit)
        except FunctionFailure as error:
            return str(error), True
        except Misconfigured as error:
            logger.error("execution_is_misconfigured", execution_id=request.execution_id, reason=str(error))
            return str(error), False
        return None if container_exit is None else container_exit.reason, True

    async def _close(
        self,
        request: RunExecutionRequest,
        function: FunctionRef | None,
        *,
        reason: str | None,
        allows_retry: bool,
        launch: int | None = None,
    ) -> RunExecutionResult:
        """`function`: None where it is not known, as the execution has ended before."""
        end = ExecutionEnd(
            invocation_id=request.invocation_id,
            execution_id=request.execution_id,
            reason=reason,
            allows_retry=allows_retry and not request.is_last_attempt,
            launch=launch,
        )
        closed = await self._ends.record(end, function)
        self._record_spans(request, closed)
        if closed.is_new:
            metrics.EXECUTIONS_ENDED.labels(closed.outcome or metrics.NO_OUTCOME).inc()
        await self._tools.messenger.deliver(grants=closed.grants, cancelled=closed.children, batches=closed.batches)
        return RunExecutionResult(
            state=AttemptState.ENDED,
            invocation_ended=closed.invocation_ended,
            outcome=closed.outcome,
            error_message=shortened((closed.was_stopped and closed.invocation_error) or closed.error_message),
            was_stopped=closed.was_stopped,
        )

    def _record_spans(self, request: RunExecutionRequest, closed: TerminatedExecution) -> None:
        error = (
            None
            if closed.outcome is ExecutionOutcome.SUCCEEDED
            else closed.error_message or closed.outcome or "stopped"
        )
        if closed.creation_time is not None:
            self._tools.spans.record_execution(
                request.trace, request.execution_id, start=closed.creation_time, error=error
            )
        if closed.invocation_ended:
            self._tools.spans.record_invocation(request.trace, error=error)
