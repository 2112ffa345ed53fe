"""`run_execution`: one attempt, from its slot to its recorded end."""

import structlog

from activities.errors import shortened
from activities.heartbeat import heartbeating
from activities.messenger import Messenger
from activities.worker_watch import WorkerWatch
from catalog.database import Database
from catalog.endings import EndingRepository
from catalog.launches import LaunchRepository
from catalog.slots import Assignment, Refusal, Refused, SlotQueue
from domain.entities import Function, PreparedFunction
from domain.errors import FunctionFailure, Misconfigured
from domain.execution_tokens import execution_token
from domain.messages import AttemptState, RunExecutionRequest, RunExecutionResult
from domain.workers import ExitCause, Worker, WorkerExit, WorkerName, WorkerRequest
from provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)


class ExecutionRunner:
    """Runs executions on a provisioner.

    May die between any two lines, and run twice at once: every write is conditional and every launch has a name.
    """

    def __init__(
        self,
        *,
        database: Database,
        provisioner: Provisioner,
        watch: WorkerWatch,
        messenger: Messenger,
        signing_key: str,
    ) -> None:
        self._database = database
        self._provisioner = provisioner
        self._watch = watch
        self._messenger = messenger
        self._signing_key = signing_key

    async def run(self, request: RunExecutionRequest) -> RunExecutionResult:
        """Raises Unavailable for faults that pass by themselves: the next try resumes the same execution."""
        async with self._database.transaction() as session:
            taken = await SlotQueue(session).take(
                invocation_id=request.invocation_id, execution_id=request.execution_id, attempt=request.attempt
            )
        if isinstance(taken, Refused):
            return await self._refused(request, taken)
        async with heartbeating():
            reason, allows_retry = await self._run_to_its_end(request, taken)
        return await self._close(request, reason=reason, allows_retry=allows_retry)

    async def _refused(self, request: RunExecutionRequest, refused: Refused) -> RunExecutionResult:
        match refused.refusal:
            case Refusal.QUEUED:
                await self._messenger.tell(grants=refused.grants)
                return RunExecutionResult(state=AttemptState.QUEUED)
            case Refusal.STOPPED:
                return RunExecutionResult(state=AttemptState.REFUSED)
            case Refusal.TERMINATED:
                return await self._close(request, reason=None, allows_retry=False)

    async def _run_to_its_end(self, request: RunExecutionRequest, assignment: Assignment) -> tuple[str | None, bool]:
        """Why the container ended, and whether another attempt may help. What infrastructure took is launched again."""
        prepared = assignment.function.prepared
        if prepared is None:
            return assignment.function.preparation_error, False
        launch = assignment.launches
        worker = await self._known_worker(request, assignment)
        while True:
            try:
                worker = worker or await self._launched_worker(
                    self._worker_request(request, assignment.function, prepared=prepared, launch=launch),
                    is_stopped=assignment.is_stopped,
                )
            except FunctionFailure as error:
                return str(error), True
            except Misconfigured as error:
                logger.error("execution_is_misconfigured", execution_id=request.execution_id, reason=str(error))
                return str(error), False
            if worker is None:
                return None, True
            worker_exit = await self._watch.ended(worker)
            another = await self._launch_again(worker, worker_exit)
            if another is None:
                return worker_exit.reason, True
            launch, worker = another, None

    async def _known_worker(self, request: RunExecutionRequest, assignment: Assignment) -> Worker | None:
        """The worker that an earlier try noted. A stop that came meanwhile may not have reached it: asked again."""
        if assignment.worker is None:
            return None
        name = WorkerName(execution_id=request.execution_id, launch=assignment.launches)
        worker = Worker(name=name, details=assignment.worker)
        if assignment.is_stopped:
            await self._provisioner.stop(worker)
        return worker

    async def _launched_worker(self, request: WorkerRequest, *, is_stopped: bool) -> Worker | None:
        """The worker of this name: started now, or found if an earlier try started it. None if it must not start."""
        if is_stopped:
            details = await self._provisioner.withdraw(request.name)
            if details is None:
                return None
        else:
            details = await self._provisioner.launch(request)
        worker = Worker(name=request.name, details=details)
        async with self._database.statement() as session:
            may_run = await LaunchRepository(session).record_worker(worker)
        if not may_run:
            await self._provisioner.stop(worker)
        return worker

    async def _launch_again(self, worker: Worker, worker_exit: WorkerExit) -> int | None:
        """The launch to go on with, if infrastructure took this one away."""
        if worker_exit.cause is not ExitCause.LOST:
            return None
        logger.warning("worker_was_lost", worker=str(worker.name), reason=worker_exit.reason)
        async with self._database.statement() as session:
            return await LaunchRepository(session).begin_another(worker.name)

    def _worker_request(
        self, request: RunExecutionRequest, function: Function, *, prepared: PreparedFunction, launch: int
    ) -> WorkerRequest:
        return WorkerRequest(
            name=WorkerName(execution_id=request.execution_id, launch=launch),
            function=function.ref,
            invocation_id=request.invocation_id,
            docker_image=function.docker_image,
            prepared_identifier=prepared.identifier,
            resource_spec=function.resource_spec,
            command=function.command,
            token=execution_token(self._signing_key, request.execution_id),
        )

    async def _close(
        self, request: RunExecutionRequest, *, reason: str | None, allows_retry: bool
    ) -> RunExecutionResult:
        async with self._database.transaction() as session:
            closed = await EndingRepository(session).close_execution(
                invocation_id=request.invocation_id,
                execution_id=request.execution_id,
                reason=reason,
                allows_retry=allows_retry and not request.is_last_attempt,
            )
        await self._messenger.tell(grants=closed.grants, cancelled=closed.children)
        return RunExecutionResult(
            state=AttemptState.ENDED,
            invocation_ended=closed.invocation_ended,
            outcome=closed.outcome,
            error_message=shortened(closed.error_message),
            was_stopped=closed.was_stopped,
        )
