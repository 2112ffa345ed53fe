"""The steps of a life with warm containers: their program, by hand, and what befalls it."""

import random
from collections.abc import Callable

from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.identifiers import ExecutionId, InvocationId
from tests.simulation.client import Json
from tests.simulation.containers import SimulatedContainer, Told
from tests.simulation.steps import Done, Step, Steps
from tests.simulation.warm.laws import Laws

_MOST_RUNNING = 40
_HANDED_OVER = 0.4  # of reports
_LOST_ANSWERS = 0.1
_ASK_TOGETHER = 5


class WarmSteps(Steps):
    """Each container is a program that asks, runs what it is told in a process of its own, and says when that is over.

    It may be paused at any moment, for any time, and go on as if nothing had been.
    """

    laws: Laws

    def weighted(self) -> dict[Step, int]:
        return super().weighted() | {
            self.pause: 2,
            self.oversleep: 4,
            self.wake: 3,
            self.deploy: 1,
            self.lose: 1,
        }

    def of_containers(self) -> dict[Step, int]:
        return {
            self.ask: 30,
            self.start: 24,
            self.progress: 4,
            self.succeed: 14,
            self.fail: 6,
            self.abort: 1,
            self.exit_without_a_word: 4,
            self.obey: 8,
            self.die: 1,
            self.end: 10,
        }

    async def ask(self) -> Done:
        """Some of them, as each asks again at once when it is answered."""
        asking = [one for one in self._fleet.alive if not one.is_paused and not one.is_stopping]
        done = [await self._ask(one) for one in self._rng.sample(asking, min(len(asking), _ASK_TOGETHER))]
        return "; ".join(done) or None

    async def _ask(self, container: SimulatedContainer) -> str:
        """For something to do; or whether what runs is to stop; or say what is over. Some answers are lost."""
        told = container.told
        body: Json = {}
        if told is not None:
            body = {"execution_id": told.execution_id, "launch": told.launch}
            over = told.exit_code
            body = {"running": body} if over is None else {"ended": body | {"exit_code": over}}
            if told.report is not None:
                body["report"] = {**told.report, "token": told.token}
        answer = await self._api.ask_next(container, body)
        if told is not None and told.report is not None:
            await self.laws.note_handed_over(container, told)
        if not container.is_alive or self._rng.random() < _LOST_ANSWERS:
            return f"{container.request.name} asked in vain"
        if told is not None and told.exit_code is not None:
            container.told = None
        lease = answer["lease"]
        if not container.is_alive:
            return f"{container.request.name} is gone"
        if answer["end"]:
            if container.told is None:
                container.end(0, "was told to end")
            return f"{container.request.name} is to end"
        if isinstance(lease, dict):
            self.laws.note_lease(container, lease)
            container.told = self._to_told(container, lease)
        if answer["stop"] and container.told is not None:
            container.told.must_stop = True
        return f"{container.request.name} was told {container.told and container.told.execution_id}"

    async def start(self) -> Done:
        container = self._pick(_has(lambda told: not told.has_started and not told.must_stop))
        if container is None:
            return None
        told = container.told
        assert told is not None
        newest = await self.laws.newest_launch(told.execution_id)
        status = await self._api.report(told, "start")
        if status != 200:
            told.exit_code = 1
            return f"{container.request.name} was refused to start {told.execution_id}"
        told.has_started = True
        self.laws.note_begin(container, told, newest_launch_before=newest)
        return f"{container.request.name} started {told.execution_id}"

    async def progress(self) -> Done:
        container = self._pick(_has(_runs))
        if container is None or container.told is None:
            return None
        status = await self._api.report(container.told, "update", {"latest_output": str(self._rng.random())})
        self.laws.note_report(container, container.told, status)
        return f"{container.request.name} reported progress of {container.told.execution_id}"

    async def submit_from_container(self) -> Done:
        container = self._pick(_has(_runs))
        if container is None or container.told is None or len(self.running) >= _MOST_RUNNING:
            return None
        return self._record(await self._api.submit_from_told(container.told, self._rng.choice(self._functions)))

    async def exit_without_a_word(self) -> Done:
        """The execution's process alone: also one that has reported and lingers."""
        container = self._pick(_has(lambda told: told.has_started))
        if container is None or container.told is None:
            return None
        container.told.exit_code = self._rng.choice([0, 1, -9])
        self.laws.note_end_by_itself(container.told)
        return f"{container.request.name}: the process of {container.told.execution_id} is gone"

    async def die(self) -> Done:
        """With all that it runs; some while they import."""
        container = self._pick(lambda one: True)
        if container is None:
            return None
        self.laws.note_death(container)
        container.end(self._rng.choice([0, 1]), "Exited")
        return f"{container.request.name} died"

    async def obey(self) -> Done:
        """What was told to stop reports that, if it had begun, and exits. The container stays."""
        container = self._pick(_has(lambda told: told.must_stop))
        if container is None or container.told is None:
            return None
        told = container.told
        if told.has_started and not told.has_finished:
            told.has_finished = True
            self.laws.note_report(container, told, await self._report_end(told, ExecutionOutcome.ABORTED))
        told.exit_code = 143
        return f"{container.request.name} stopped {told.execution_id}"

    async def end(self) -> Done:
        """A container that was told so by its platform ends, with all that it runs."""
        container = super()._pick(lambda one: one.is_stopping and not one.is_paused)
        if container is None:
            return None
        told = container.told
        if told is not None and told.has_started and not told.has_finished and told.exit_code is None:
            told.has_finished = True
            await self._report_end(told, ExecutionOutcome.ABORTED)
        if told is not None and told.report is not None:  # its next question may have said so
            await self._api.report(told, "finish", dict(told.report))
        container.end(143, "Exited with code 143")
        return f"{container.request.name} ended"

    async def pause(self) -> Done:
        container = self._pick(lambda one: True)
        if container is None:
            return None
        container.is_paused = True
        return f"{container.request.name} was paused"

    async def oversleep(self) -> Done:
        """What it was told to begin: another one is launched in its place, unless it wakes soon."""
        container = self._pick(_has(lambda told: not told.has_started))
        if container is None:
            return None
        container.is_paused = True
        return f"{container.request.name} was paused before it began"

    async def wake(self) -> Done:
        container = super()._pick(lambda one: one.is_paused)
        if container is None:
            return None
        container.is_paused = False
        return f"{container.request.name} woke up"

    async def deploy(self) -> Done:
        """Another version of the same functions, if there is anybody to prepare it."""
        if not len(self._loops) or self._rng.random() < 0.7:
            return None
        await self._api.deploy(self.definitions)
        return "deployed another version"

    definitions: list[Json]

    async def _finish(self, outcome: ExecutionOutcome) -> Done:
        container = self._pick(_has(_runs))
        if container is None or container.told is None:
            return None
        told = container.told
        told.has_finished = True
        if outcome is ExecutionOutcome.ABORTED:
            self.laws.note_end_by_itself(told)
        exit_code = 0 if outcome is ExecutionOutcome.SUCCEEDED else 1
        if self._rng.random() < _HANDED_OVER:
            told.report, told.exit_code = _report_of(outcome), exit_code
            return f"{told.execution_id} {outcome}, which its container is to say"
        self.laws.note_report(container, told, await self._report_end(told, outcome))
        if self._rng.random() < 0.1:
            return f"{told.execution_id} {outcome}, and lingers"
        told.exit_code = exit_code
        return f"{told.execution_id} {outcome}"

    async def _report_end(self, told: Told, outcome: ExecutionOutcome) -> int:
        return await self._api.report(told, "finish", _report_of(outcome))

    def _to_told(self, container: SimulatedContainer, lease: Json) -> Told:
        known = container.told
        if known is not None and (known.execution_id, known.launch) == (lease["execution_id"], lease["launch"]):
            return known
        launch = lease["launch"]
        assert isinstance(launch, int)
        return Told(
            function=container.request.function.function_name,
            invocation_id=InvocationId(str(lease["invocation_id"])),
            execution_id=ExecutionId(str(lease["execution_id"])),
            launch=launch,
            path=str(lease["path"]),
            token=str(lease["token"]),
        )

    def _pick(self, suits: Callable[[SimulatedContainer], bool]) -> SimulatedContainer | None:
        return super()._pick(lambda one: not one.is_paused and suits(one))


def new_warm_steps(rng: random.Random, *, laws: Laws, definitions: list[Json], **parts: object) -> WarmSteps:
    steps = WarmSteps(rng=rng, **parts)  # type: ignore[arg-type]  # those of `Steps`
    steps.laws = laws
    steps.definitions = definitions
    return steps


def _has(suits: Callable[[Told], bool]) -> Callable[[SimulatedContainer], bool]:
    """Of a container whose process is there."""
    return lambda one: one.told is not None and one.told.exit_code is None and suits(one.told)


def _report_of(outcome: ExecutionOutcome) -> Json:
    return {
        "outcome": outcome.value,
        "error_message": "ValueError: no" if outcome is ExecutionOutcome.FAILED else None,
    }


def _runs(told: Told) -> bool:
    return told.has_started and not told.has_finished
