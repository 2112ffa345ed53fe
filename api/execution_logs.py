"""Pages of an execution's log, read within a time."""

import asyncio
from datetime import timedelta

from control_plane_server.domain.bounds import MAX_LOG_LINES_PER_PAGE
from control_plane_server.domain.containers import LogPage
from control_plane_server.domain.entities import ExecutionDetail
from control_plane_server.domain.errors import ServiceIsUnavailable
from control_plane_server.provisioners.contract import Provisioner

# For a page: many readers of CloudWatch may wait for its rate limit.
_LOG_PATIENCE = timedelta(seconds=30)


async def read_logs(
    provisioner: Provisioner, detail: ExecutionDetail, *, offset: str | None, max_lines: int
) -> LogPage:
    """At most `max_lines` from the offset on; nothing as long as there is no container.

    Raises OffsetIsInvalid, ServiceIsUnavailable if it takes longer than 30 s.
    """
    container = detail.execution.container_details
    if container is None:
        return LogPage(lines=(), next_offset=None)
    try:
        async with asyncio.timeout(_LOG_PATIENCE.total_seconds()):
            return await provisioner.read_logs(container, offset, min(max_lines, MAX_LOG_LINES_PER_PAGE))
    except TimeoutError:
        raise ServiceIsUnavailable from None
