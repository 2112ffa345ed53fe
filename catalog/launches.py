"""What is noted of an execution's containers: each launch before it is sent, each worker when it is found.

Statements that commit one by one, each conditional.
"""

from sqlalchemy import func, select, update

from catalog.database import StatementSession
from catalog.tables import ExecutionRow
from domain.entities import WorkerStatus
from domain.identifiers import ExecutionId
from domain.workers import Worker, WorkerName


class LaunchRepository:
    def __init__(self, session: StatementSession) -> None:
        self._session = session

    async def begin_another(self, lost: WorkerName) -> int | None:
        """Note a launch in place of one that infrastructure took away. Returns the launch to go on with.

        Another process may have been faster: then it is that one's. None if there must be no further one: the execution
        is stopped, has an outcome, or has ended.
        """
        may_be_launched = (
            ExecutionRow.execution_id == lost.execution_id,
            ExecutionRow.worker_status != WorkerStatus.TERMINATED,
            ExecutionRow.termination_signal_time.is_(None),
            ExecutionRow.outcome.is_(None),
        )
        await self._session.execute(
            update(ExecutionRow)
            .where(*may_be_launched, ExecutionRow.launches == lost.launch)
            .values(
                launches=lost.launch + 1,
                launch_time=func.clock_timestamp(),
                worker_status=WorkerStatus.PROVISIONING,
                worker_type=None,
                worker_identifier=None,
                logs_identifier=None,
                execution_start_time=None,  # the new container starts the execution anew
                last_update_time=func.clock_timestamp(),
            )
            .execution_options(synchronize_session=False)
        )
        launch: int | None = await self._session.scalar(
            select(ExecutionRow.launches).where(*may_be_launched, ExecutionRow.launches > lost.launch)
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
