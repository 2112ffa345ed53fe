"""Pages of an execution's log, read within a time."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Query

from control_plane_server.domain.bounds import MAX_EPOCH_SECONDS, MAX_LOG_LINES_PER_PAGE, MAX_LOG_TAIL
from control_plane_server.domain.containers import LogPage, LogStart
from control_plane_server.domain.entities import Execution
from control_plane_server.domain.errors import ServiceIsUnavailable
from control_plane_server.provisioners.contract import Provisioner
from control_plane_server.provisioners.marked_logs import MarkedPart, read_part

# For a page: many readers of CloudWatch may wait for its rate limit.
_LOG_PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which page of a log is asked for. `offset`: of the page before; None: a first one, which begins at `start`."""

    max_lines: int
    offset: str | None
    start: LogStart


def log_query(
    max_lines: Annotated[int, Query(ge=1)] = MAX_LOG_LINES_PER_PAGE,
    initial_offset: str | None = None,
    since: Annotated[
        float | None,
        Query(ge=0, le=MAX_EPOCH_SECONDS, description="Without an offset: lines written at this time or later."),
    ] = None,
    tail: Annotated[
        int | None, Query(ge=1, le=MAX_LOG_TAIL, description="Without an offset: from the last so many lines on.")
    ] = None,
) -> LogQuery:
    start = LogStart(since_ms=None if since is None else round(since * 1_000), tail=tail)
    return LogQuery(max_lines=max_lines, offset=initial_offset, start=start)


LogQueryOfRequest = Annotated[LogQuery, Depends(log_query)]


async def read_logs(provisioner: Provisioner, execution: Execution, query: LogQuery) -> LogPage:
    """What is asked for, but no more than 250 lines; nothing as long as there is no container. Of a container that is
    reused, the execution's own part.

    Raises OffsetIsInvalid, ServiceIsUnavailable if it takes longer than 30 s.
    """
    container = execution.container_details
    if container is None:
        return LogPage(entries=(), next_offset=None)
    try:
        async with asyncio.timeout(_LOG_PATIENCE.total_seconds()):
            max_lines = min(query.max_lines, MAX_LOG_LINES_PER_PAGE)
            if execution.is_warm_start is None:
                return await provisioner.read_logs(container, query.offset, max_lines, start=query.start)
            part = MarkedPart.of(
                execution.execution_id,
                execution.newest_launch,
                execution.launch_time,
                is_first=not execution.is_warm_start,
            )
            return await read_part(provisioner, container, part, query.offset, max_lines, start=query.start)
    except TimeoutError:
        raise ServiceIsUnavailable from None
