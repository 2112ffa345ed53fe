"""What is noted of an execution's containers: each launch before it is sent, each worker when it is found.

One conditional statement each.
"""

from sqlalchemy import func, select, update

from catalog.database import StatementSession
from catalog.tables import ExecutionRow
from domain.entities import WorkerStatus
from domain.identifiers import ExecutionId
from domain.workers import Worker


class LaunchRepository:
    def __init__(self, session: StatementSession) -> None:
        self._session = session

    async def begin_another(self, execution_id: ExecutionId, *, after: int) -> int | None:
        """Note launch `after + 1` in place of one that infrastructure took away.

        None if there must be none: the execution is stopped, has an outcome, has ended, or another process was faster.
        """
        launch: int | None = await self._session.scalar(
            update(ExecutionRow)
            .where(
                ExecutionRow.execution_id == execution_id,
                ExecutionRow.launches == after,
                ExecutionRow.worker_status != WorkerStatus.TERMINATED,
                ExecutionRow.termination_signal_time.is_(None),
                ExecutionRow.outcome.is_(None),
            )
            .values(
                launches=after + 1,
                launch_time=func.clock_timestamp(),
                worker_status=WorkerStatus.PROVISIONING,
                worker_type=None,
                worker_identifier=None,
                logs_identifier=None,
                execution_start_time=None,  # the new container starts the execution anew
                last_update_time=func.clock_timestamp(),
            )
            .returning(ExecutionRow.launches)
        )
        return launch

    async def record_worker(self, worker: Worker) -> bool:
        """Note where the launch's worker is found. False if it must not run: the execution was stopped or has ended
        meanwhile, or this launch was given up."""
        may_run: bool | None = await self._session.scalar(
            update(ExecutionRow)
            .where(
                ExecutionRow.execution_id == worker.name.execution_id,
                ExecutionRow.launches == worker.name.launch,
                ExecutionRow.worker_status != WorkerStatus.TERMINATED,
            )
            .values(
                worker_status=WorkerStatus.RUNNING,
                worker_type=worker.details.type,
                worker_identifier=worker.details.identifier,
                logs_identifier=worker.details.logs_identifier,
                last_update_time=func.clock_timestamp(),
            )
            .returning(ExecutionRow.termination_signal_time.is_(None))
        )
        return bool(may_run)

    async def has_outcome(self, execution_id: ExecutionId) -> bool:
        """Whether its container has reported how it went."""
        outcome = await self._session.scalar(
            select(ExecutionRow.outcome).where(ExecutionRow.execution_id == execution_id)
        )
        return outcome is not None
