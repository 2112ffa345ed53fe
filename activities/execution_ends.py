"""Records the ends of executions: those of one function that come at the same time in one transaction.

Each of them needs the lock of the function's row, hands its slot on, and is committed. Where many end, they would wait
for each other longer than they ran; so whoever comes while one is being recorded is recorded with all others that have
come by then, and what is done once for all of them is done once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Grant
from control_plane_server.catalog.execution_lifecycle.terminations import TerminatedExecution, TerminationRepository
from control_plane_server.domain.errors import ExecutionIsForgotten, LaunchIsSuperseded
from control_plane_server.domain.identifiers import ExecutionId, FunctionRef, InvocationId

# Of one transaction. Whoever comes after it waits for all of it.
_MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEnd:
    """As the arguments of `TerminationRepository.terminate_execution`."""

    invocation_id: InvocationId
    execution_id: ExecutionId
    reason: str | None
    allows_retry: bool
    launch: int | None


_Answer = TerminatedExecution | Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    end: ExecutionEnd
    answer: "asyncio.Future[_Answer]"


class ExecutionEnds:
    """Of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[FunctionRef, list[_Waiting]] = {}  # of functions of which some are being recorded
        self._recording: set[asyncio.Task[None]] = set()

    async def record(self, end: ExecutionEnd, function: FunctionRef | None) -> TerminatedExecution:
        """What the end left: slots that others left may be among what it has to tell. Raises ExecutionIsForgotten,
        LaunchIsSuperseded, CatalogIsAway, of this end alone. `function`: None where it is not known: no two are locked
        in one transaction."""
        if function is None:
            (answer,) = await self._answers([end])
            return _result(answer)
        waiting = _Waiting(end=end, answer=asyncio.get_running_loop().create_future())
        if function in self._waiting:
            self._waiting[function].append(waiting)
        else:
            self._waiting[function] = [waiting]
            # A task of its own: whoever came first may be cancelled, and others wait for it.
            recording = asyncio.create_task(self._record_all(function))
            self._recording.add(recording)
            recording.add_done_callback(self._recording.discard)
        return _result(await waiting.answer)

    async def _record_all(self, function: FunctionRef) -> None:
        """As long as there are some."""
        try:
            while waiting := self._waiting[function]:
                together, self._waiting[function] = waiting[:_MOST], waiting[_MOST:]
                for one, answer in zip(together, await self._answers([one.end for one in together]), strict=True):
                    if not one.answer.done():  # of one that was cancelled the next try finds what was recorded
                        one.answer.set_result(answer)
        finally:
            for one in self._waiting.pop(function):  # there are none, unless this process ends
                one.answer.cancel()

    async def _answers(self, ends: Sequence[ExecutionEnd]) -> Sequence[_Answer]:
        try:
            return await self._record(ends)
        except Exception as error:
            if len(ends) == 1:
                return [error]
        # Each by itself, as what is wrong may be about one of them; and one after the other, as that one keeps the lock
        # of their function while it waits for what it does not get.
        return [answer for end in ends for answer in await self._answers([end])]

    async def _record(self, ends: Sequence[ExecutionEnd]) -> Sequence[_Answer]:
        """In one transaction, in the order of their rows' locks."""
        answers: dict[int, _Answer] = {}
        async with self._database.transaction() as connection:
            repository = TerminationRepository(connection)
            # The first end of each invocation: what another one finds is not known before that is recorded.
            await repository.lock({end.invocation_id: end.execution_id for end in reversed(ends)})
            for number in sorted(range(len(ends)), key=lambda number: ends[number].invocation_id):
                answers[number] = await _answer(repository, ends[number])
            grants = await repository.hand_on()
        return _with_shares(grants, [answers[number] for number in range(len(ends))])


async def _answer(repository: TerminationRepository, end: ExecutionEnd) -> _Answer:
    """Both errors are raised before anything is written."""
    try:
        return await repository.terminate_execution(
            invocation_id=end.invocation_id,
            execution_id=end.execution_id,
            reason=end.reason,
            allows_retry=end.allows_retry,
            launch=end.launch,
            hands_on=False,
        )
    except (ExecutionIsForgotten, LaunchIsSuperseded) as error:
        return error


def _with_shares(grants: Sequence[Grant], answers: Sequence[_Answer]) -> Sequence[_Answer]:
    """What is handed on is told by all of them."""
    recorded = [number for number, answer in enumerate(answers) if isinstance(answer, TerminatedExecution)]
    shares = {number: grants[share :: len(recorded)] for share, number in enumerate(recorded)}
    return [
        replace(answer, grants=(*answer.grants, *shares[number])) if isinstance(answer, TerminatedExecution) else answer
        for number, answer in enumerate(answers)
    ]


def _result(answer: _Answer) -> TerminatedExecution:
    if isinstance(answer, Exception):
        raise answer
    return answer
