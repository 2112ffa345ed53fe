"""Which installation this catalog is of, and which Temporal namespace it works with."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import exists, func, or_, select, update

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.tables import ExecutionRow, InstallationRow, InvocationRow, WaitingExecutionRow
from control_plane_server.domain.entities import InvocationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """`installation_id`: drawn when the catalog was made. `namespace_id`: Temporal's id of the namespace that works for
    this catalog; None before the first."""

    installation_id: str
    namespace_id: str | None


class InstallationRepository:
    """Statements that commit one by one, each of which may be repeated."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def read(self) -> Installation:
        row = (
            await self._connection.execute(select(InstallationRow.installation_id, InstallationRow.namespace_id))
        ).one()
        return Installation(installation_id=row.installation_id, namespace_id=row.namespace_id)

    async def has_work_under_way(self) -> bool:
        """Whether an invocation runs whose workflow has begun, so that Temporal must know that workflow."""
        found: bool | None = await self._connection.scalar(
            select(
                exists().where(
                    InvocationRow.status == InvocationStatus.RUNNING,
                    or_(
                        exists().where(ExecutionRow.invocation_id == InvocationRow.invocation_id),
                        exists().where(WaitingExecutionRow.invocation_id == InvocationRow.invocation_id),
                    ),
                )
            )
        )
        return bool(found)

    async def link_first(self, namespace_id: str) -> None:
        """Record the namespace, unless one is recorded."""
        await self._connection.execute(
            update(InstallationRow).where(InstallationRow.namespace_id.is_(None)).values(namespace_id=namespace_id)
        )

    async def link_instead(self, namespace_id: str) -> None:
        """Record the namespace in place of another one, by an operator's decision."""
        await self._connection.execute(update(InstallationRow).values(namespace_id=namespace_id))

    async def allow_mass_terminations(self, duration: timedelta) -> None:
        """For so long from now on, the reconciliation may end as many invocations as it finds lost."""
        await self._connection.execute(
            update(InstallationRow).values(mass_terminations_allowed_until=func.clock_timestamp() + duration)
        )

    async def mass_terminations_are_allowed(self) -> bool:
        """Whether an operator has allowed them and that permission has not run out."""
        allowed: bool | None = await self._connection.scalar(
            select(InstallationRow.mass_terminations_allowed_until > func.clock_timestamp())
        )
        return bool(allowed)
