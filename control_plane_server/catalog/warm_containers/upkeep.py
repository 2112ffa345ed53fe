"""What nobody else does for warm containers: some that are ready before they are asked for, and the ends of those that
nobody hears from, that nobody needs, and whose process died between two steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.converters import to_function
from control_plane_server.catalog.notifications import WARM_CONTAINERS_CHANNEL
from control_plane_server.catalog.tables import FunctionRow, VersionRow
from control_plane_server.catalog.warm_containers.containers import COLUMNS, WarmContainer, to_warm_container
from control_plane_server.catalog.warm_containers.newest import latest_version
from control_plane_server.domain.entities import Function
from control_plane_server.domain.identifiers import ProjectName, WarmContainerId, new_warm_container_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlaunched:
    """A container that is to be launched without an execution. One that is not new may have been launched already, by
    a process that died before it recorded that."""

    warm: WarmContainer
    function: Function


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmFindings:
    """`unneeded`: closed, longer ago than the patience. `unknown`: not in this catalog. Others are in neither."""

    unneeded: tuple[WarmContainerId, ...]
    unknown: tuple[WarmContainerId, ...]


# Two processes must not fill up the same function at once. Any fixed number will do.
_LOCK = text("SELECT pg_advisory_xact_lock(7021017)")
# One that was closed before it ever asked keeps its place for so long: else what cannot start, or fails while it is
# imported, would be launched again and again, and billed.
FAILED_WITHIN = timedelta(minutes=10)
_SHORT = text(f"""
    SELECT functions.function_id,
        CAST(functions.reuse->>'min_idle' AS integer) - (
            SELECT count(*) FROM warm_containers AS warm
            WHERE warm.function_id = functions.function_id AND warm.state IN ('STARTING', 'IDLE')
        ) - (
            SELECT count(*) FROM warm_containers AS warm
            WHERE warm.function_id = functions.function_id AND warm.state = 'CLOSED' AND warm.heard_time IS NULL
                AND warm.close_time > clock_timestamp() - CAST(:failed_within AS interval)
        ) AS missing
    FROM functions
    JOIN versions ON versions.version_id = functions.version_id
    JOIN projects ON projects.project_name = versions.project_name
    WHERE functions.reuse IS NOT NULL AND CAST(functions.reuse->>'min_idle' AS integer) > 0
        AND functions.status = 'READY'
        AND projects.closing_time IS NULL AND projects.deletion_request_time IS NULL
        AND versions.version_id = ({latest_version("projects.project_name")})
    """)
# Of versions that are not the latest any more: nobody else tells them, and a poll may have 20 s to go.
_WAKE_OVERDUE = text(f"""
    SELECT pg_notify(:channel, warm.container_id)
    FROM warm_containers AS warm
    JOIN functions ON functions.function_id = warm.function_id
    JOIN versions ON versions.version_id = functions.version_id
    WHERE warm.state = 'IDLE' AND CAST(functions.reuse->>'min_idle' AS integer) > 0
        AND warm.idle_since
            < clock_timestamp() - make_interval(secs => CAST(functions.reuse->>'idle_seconds' AS integer))
        AND versions.version_id <> ({latest_version("versions.project_name")})
    """)
_BEGIN_IDLE = text("""
    INSERT INTO warm_containers (container_id, function_id, state)
    SELECT unnest(CAST(:container_ids AS text[])), function_id, 'STARTING'
    FROM functions WHERE function_id = :function_id
    ON CONFLICT DO NOTHING
    """)
_FUNCTION_COLUMNS = ", ".join(
    f"{column.element.table.name}.{column.element.name} AS {column.name}"
    for column in columns_of(VersionRow, FunctionRow)
)
_UNLAUNCHED = text(f"""
    SELECT {COLUMNS}, {_FUNCTION_COLUMNS}, functions.environment
    FROM warm_containers AS warm
    JOIN functions ON functions.function_id = warm.function_id
    JOIN versions ON versions.version_id = functions.version_id
    WHERE warm.state = 'STARTING' AND warm.container_identifier IS NULL
    ORDER BY warm.creation_time LIMIT :at_most
    """)
_SILENT = text(f"""
    SELECT {COLUMNS} FROM warm_containers AS warm
    WHERE warm.state = 'IDLE' AND warm.heard_time < clock_timestamp() - CAST(:older_than AS interval)
    LIMIT :at_most
    """)
_OVERTAKEN = text(f"""
    SELECT {COLUMNS} FROM warm_containers AS warm
    LEFT JOIN executions ON executions.execution_id = warm.execution_id
    WHERE warm.state = 'LEASED' AND warm.lease_time < clock_timestamp() - CAST(:older_than AS interval)
        AND (
            executions.execution_id IS NULL
            OR (executions.worker_status = 'TERMINATED'
                AND executions.last_update_time < clock_timestamp() - CAST(:older_than AS interval))
            OR (executions.launches > warm.launch
                AND executions.launch_time < clock_timestamp() - CAST(:older_than AS interval))
        )
    LIMIT :at_most
    """)
_OPEN = text(f"""
    SELECT {COLUMNS} FROM warm_containers AS warm
    WHERE warm.state <> 'CLOSED' AND warm.container_identifier IS NOT NULL AND warm.container_id > :after
    ORDER BY warm.container_id LIMIT :at_most
    """)
_CLASSIFY = text("""
    SELECT container_id,
        state = 'CLOSED' AND close_time < clock_timestamp() - CAST(:older_than AS interval) AS is_unneeded
    FROM warm_containers WHERE container_id = ANY(CAST(:container_ids AS text[]))
    """)
_OF_PROJECT = text(f"""
    SELECT {COLUMNS} FROM warm_containers AS warm
    JOIN functions ON functions.function_id = warm.function_id
    JOIN versions ON versions.version_id = functions.version_id
    JOIN projects ON projects.project_name = versions.project_name
    WHERE projects.project_name = :project_name
        AND projects.creation_time = coalesce(CAST(:creation_time AS timestamptz), projects.creation_time)
    """)
_CLOSED_BEFORE = text(f"""
    SELECT {COLUMNS} FROM warm_containers AS warm
    WHERE warm.state = 'CLOSED' AND warm.close_time < clock_timestamp() - CAST(:older_than AS interval)
    ORDER BY warm.close_time LIMIT :at_most
    """)
_FORGET = text("""
    DELETE FROM warm_containers
    WHERE state = 'CLOSED' AND container_id = ANY(CAST(:container_ids AS text[]))
    """)


class UpkeepRepository:
    """The connection's owner commits. Each method may be repeated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def refill(self) -> int:
        """Note as many containers as functions of latest versions lack to their min_idle, less those that have failed
        to start lately: needs a transaction. Returns how many; they are among `unlaunched`."""
        await self._connection.execute(_LOCK)
        begun = 0
        for row in (await self._connection.execute(_SHORT, {"failed_within": FAILED_WITHIN})).all():
            ids = [new_warm_container_id() for _ in range(row.missing)]
            if ids:
                await self._connection.execute(_BEGIN_IDLE, {"function_id": row.function_id, "container_ids": ids})
            begun += len(ids)
        return begun

    async def wake_overdue(self) -> None:
        """Have those ask that were kept ready for a version which is not the latest any more, and have idled for long
        enough: then they end."""
        await self._connection.execute(_WAKE_OVERDUE, {"channel": WARM_CONTAINERS_CHANNEL})

    async def unlaunched(self, *, at_most: int) -> tuple[Unlaunched, ...]:
        """Containers of `refill` of which it is not recorded where they are, the oldest first."""
        found = await self._connection.execute(_UNLAUNCHED, {"at_most": at_most})
        return tuple(
            Unlaunched(warm=to_warm_container(row), function=to_function(row, environment=row.environment))
            for row in found
        )

    async def silent(self, *, older_than: timedelta, at_most: int) -> tuple[WarmContainer, ...]:
        """Idle ones that have not asked for so long. Whoever runs an execution is that execution's activity's to
        watch."""
        return await self._all(_SILENT, {"older_than": older_than, "at_most": at_most})

    async def overtaken(self, *, older_than: timedelta, at_most: int) -> tuple[WarmContainer, ...]:
        """Leased ones whose execution has ended, has gone on to another launch, or is gone, so long ago: whoever was to
        see to that has died."""
        return await self._all(_OVERTAKEN, {"older_than": older_than, "at_most": at_most})

    async def opened(self, *, after: WarmContainerId | None, at_most: int) -> tuple[WarmContainer, ...]:
        """Those that the platform should have, by their ids, behind `after`."""
        return await self._all(_OPEN, {"after": after or "", "at_most": at_most})

    async def classify(self, container_ids: Iterable[WarmContainerId], *, older_than: timedelta) -> WarmFindings:
        """What of these, which the platform has, is to be stopped."""
        ids = tuple(container_ids)
        found = await self._connection.execute(_CLASSIFY, {"container_ids": list(ids), "older_than": older_than})
        known = {row.container_id: row.is_unneeded for row in found}
        return WarmFindings(
            unneeded=tuple(one for one in ids if known.get(one)),
            unknown=tuple(one for one in ids if one not in known),
        )

    async def of_project(
        self, project_name: ProjectName, *, creation_time: datetime | None = None
    ) -> tuple[WarmContainer, ...]:
        """All of a project, also the closed ones. `creation_time`: the project's; none of another one of its name."""
        return await self._all(_OF_PROJECT, {"project_name": project_name, "creation_time": creation_time})

    async def closed_before(self, *, older_than: timedelta, at_most: int) -> tuple[WarmContainer, ...]:
        """Those that were closed so long ago, the oldest first: their logs and rows can be forgotten once no execution
        is kept for as long."""
        return await self._all(_CLOSED_BEFORE, {"older_than": older_than, "at_most": at_most})

    async def forget(self, container_ids: Iterable[WarmContainerId]) -> None:
        """Delete the rows of closed ones."""
        await self._connection.execute(_FORGET, {"container_ids": list(container_ids)})

    async def _all(self, statement: TextClause, parameters: dict[str, object]) -> tuple[WarmContainer, ...]:
        return tuple(map(to_warm_container, await self._connection.execute(statement, parameters)))
