"""The steps of a simulation: what users, operators, containers and infrastructure do, as the seed decides."""

import random
from collections.abc import Awaitable, Callable

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.identifiers import FunctionName
from tests.simulation.client import ApiClient, Json, Submitted
from tests.simulation.containers import Fault, Fleet, SimulatedContainer
from tests.simulation.loops import Loops
from workflows.invocation import InvocationWorkflow
from workflows.naming import RECONCILIATION_SCHEDULE_ID, invocation_workflow_id

# What came of a step: what was done, in words, or None where there was nothing to do it to.
Done = str | None
Step = Callable[[], Awaitable[Done]]

_MOST_RUNNING = 40


class Steps:
    """`running` holds what the last snapshot showed to run; `submitted` everything, oldest first."""

    def __init__(
        self,
        *,
        rng: random.Random,
        api: ApiClient,
        temporal: Client,
        fleet: Fleet,
        loops: Loops,
        functions: list[FunctionName],
    ) -> None:
        self.submitted: list[Submitted] = []
        self.cancelled: list[Submitted] = []
        self.running: list[Submitted] = []
        self.paused: set[FunctionName | None] = set()  # None: the project
        self._rng = rng
        self._api = api
        self._temporal = temporal
        self._fleet = fleet
        self._loops = loops
        self._functions = functions

    def weighted(self) -> dict[Step, int]:
        """How often each step is tried, in relation to the others."""
        return {
            self.submit: 16,
            self.submit_from_container: 6,
            self.submit_under_old_parent: 3,
            self.cancel: 5,
            self.cancel_by_temporal: 3,
            self.cancel_again: 2,
            self.retry_now: 3,
            self.change_loops: 2,
            self.reconcile: 1,
            self.pause: 2,
            self.meet_a_fault: 3,
            self.lose: 3,
        } | self.of_containers()

    def of_containers(self) -> dict[Step, int]:
        """What brings containers to their end."""
        return {
            self.start: 24,
            self.progress: 6,
            self.succeed: 12,
            self.fail: 8,
            self.abort: 2,
            self.die: 4,
            self.obey: 12,
        }

    async def submit(self) -> Done:
        if len(self.running) >= _MOST_RUNNING:
            return None
        return self._record(await self._api.submit(self._rng.choice(self._functions), options=self._options()))

    def _options(self) -> Json:
        """None, as a rule."""
        options: Json = {}
        if self._rng.random() < 0.3:
            options["priority"] = self._rng.randrange(10)
        if self._rng.random() < 0.3:
            options |= {"concurrency_key": self._rng.choice("ab"), "concurrency_limit": self._rng.choice([1, 1, 2])}
        if self._rng.random() < 0.1:
            options["delay_seconds"] = self._rng.randint(1, 3)
        return options

    async def pause(self) -> Done:
        """A function, or once in a while the project."""
        function = None if self._rng.random() < 0.2 else self._rng.choice(self._functions)
        await self._api.change_pause("pause", function)
        self.paused.add(function)
        return f"paused {function or 'the project'}"

    async def resume(self) -> str:
        """Something of what is paused."""
        function = self._rng.choice(sorted(self.paused, key=str))
        await self._api.change_pause("resume", function)
        self.paused.discard(function)
        return f"resumed {function or 'the project'}"

    async def submit_from_container(self) -> Done:
        container = self._pick(lambda one: one.has_started and not one.has_finished)
        if container is None or len(self.running) >= _MOST_RUNNING:
            return None
        return self._record(await self._api.submit_from(container, self._rng.choice(self._functions)))

    async def submit_under_old_parent(self) -> Done:
        """Whatever its state: running, cancelled, ended."""
        if not self.submitted or len(self.running) >= _MOST_RUNNING:
            return None
        parent = self._rng.choice(self.submitted[-_MOST_RUNNING:])
        return self._record(await self._api.submit(self._rng.choice(self._functions), parent=parent))

    async def cancel(self) -> Done:
        if not self.running:
            return None
        invocation = self._rng.choice(self.running)
        return await self._cancel(invocation)

    async def cancel_again(self) -> Done:
        if not self.cancelled:
            return None
        return await self._cancel(self._rng.choice(self.cancelled[-_MOST_RUNNING:]))

    async def cancel_by_temporal(self) -> Done:
        """As `temporal workflow cancel` does."""
        if not self.running:
            return None
        invocation = self._rng.choice(self.running)
        self.cancelled.append(invocation)
        return await _sent(self._workflow(invocation).cancel(), f"cancelled workflow {invocation.invocation_id}")

    async def retry_now(self) -> Done:
        if not self.running:
            return None
        invocation = self._rng.choice(self.running)
        signal = self._workflow(invocation).signal(InvocationWorkflow.retry_now)
        return await _sent(signal, f"signalled retry_now to {invocation.invocation_id}")

    async def change_loops(self) -> Done:
        """None, one or two loops run; none as a rule not for long."""
        if len(self._loops) == 0 or (len(self._loops) == 1 and self._rng.random() < 0.5):
            await self._loops.start()
            return f"started a loop: {len(self._loops)} run"
        await self._loops.stop(self._rng.randrange(len(self._loops)))
        return f"stopped a loop: {len(self._loops)} run"

    async def reconcile(self) -> Done:
        """At a moment of no importance: whatever is healthy must be left alone."""
        await self._temporal.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).trigger()
        return "asked for a reconciliation"

    async def meet_a_fault(self) -> Done:
        fault = self._rng.choice(list(Fault))
        self._fleet.faults.append(fault)
        return f"next launch or stop: {fault}"

    async def start(self) -> Done:
        container = self._pick(lambda one: not one.has_started and not one.is_stopping)
        if container is None:
            return None
        await self._start(container)
        return f"started {container.request.name}"

    async def progress(self) -> Done:
        container = self._pick(lambda one: one.has_started and not one.has_finished)
        if container is None:
            return None
        await self._api.update(container, str(self._rng.random()))
        return f"reported progress of {container.request.name}"

    async def succeed(self) -> Done:
        return await self._finish(ExecutionOutcome.SUCCEEDED)

    async def fail(self) -> Done:
        return await self._finish(ExecutionOutcome.FAILED)

    async def abort(self) -> Done:
        """Though nobody asked it to."""
        return await self._finish(ExecutionOutcome.ABORTED)

    async def die(self) -> Done:
        """Without a word, at any moment of its life: also one that has finished and lingers."""
        container = self._pick(lambda one: True)
        if container is None:
            return None
        container.end(1, "Exited with code 1")
        return f"{container.request.name} died"

    async def lose(self) -> Done:
        container = self._pick(lambda one: True)
        if container is None:
            return None
        container.lose()
        return f"{container.request.name} was lost"

    async def obey(self) -> Done:
        """A stopped container reports that it was interrupted and exits; one that had not begun just exits."""
        container = self._pick(lambda one: one.is_stopping)
        if container is None:
            return None
        if container.has_started and not container.has_finished:
            container.has_finished = True
            await self._api.finish(container, ExecutionOutcome.ABORTED)
        container.end(143, "Exited with code 143")
        return f"{container.request.name} obeyed"

    async def _finish(self, outcome: ExecutionOutcome) -> Done:
        container = self._pick(lambda one: one.has_started and not one.has_finished)
        if container is None:
            return None
        container.has_finished = True
        await self._api.finish(container, outcome)
        if self._rng.random() < 0.1:
            return f"{container.request.name} {outcome}, and lingers"
        container.end(0 if outcome is ExecutionOutcome.SUCCEEDED else 1, "Exited")
        return f"{container.request.name} {outcome}"

    async def _start(self, container: SimulatedContainer) -> None:
        container.has_started = True
        await self._api.start(container)

    async def _cancel(self, invocation: Submitted) -> Done:
        if not await self._api.cancel(invocation):
            return f"was refused to cancel {invocation.invocation_id}"
        self.cancelled.append(invocation)
        return f"cancelled {invocation.invocation_id}"

    def _record(self, invocation: Submitted) -> Done:
        self.submitted.append(invocation)
        self.running.append(invocation)
        return f"submitted {invocation.invocation_id} of {invocation.function}"

    def _pick(self, suits: Callable[[SimulatedContainer], bool]) -> SimulatedContainer | None:
        suitable = [container for container in self._fleet.alive if suits(container)]
        return self._rng.choice(suitable) if suitable else None

    def _workflow(self, invocation: Submitted) -> "WorkflowHandle[InvocationWorkflow, object]":
        return self._temporal.get_workflow_handle(invocation_workflow_id(invocation.invocation_id))


async def _sent(message: Awaitable[None], done: str) -> Done:
    """None if the workflow has closed meanwhile."""
    try:
        await message
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    return done
