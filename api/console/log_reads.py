"""Reads logs for pages, within the time that somebody waits for a page."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from api.console.views.log_lines import LogLine, lines_of, matching
from api.execution_logs import LogQuery, read_logs
from api.services import Services
from control_plane_server.domain.bounds import MAX_LOG_LINES_PER_PAGE
from control_plane_server.domain.containers import FIRST_LINE, LogPage, LogStart
from control_plane_server.domain.entities import Execution
from control_plane_server.domain.errors import Misconfigured, ServiceIsUnavailable, Unavailable

TAIL = 200  # lines
_PATIENCE = timedelta(seconds=3)
_SEARCH_PATIENCE = timedelta(seconds=5)
_RAW_PATIENCE = timedelta(minutes=10)
_END_OF_LINE = "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """`next_offset`: where to go on; None: there is no log yet. `problem`: why it cannot be read. `is_whole`: whether
    there is nothing behind it for now."""

    lines: list[LogLine]
    next_offset: str | None
    problem: str | None = None
    is_whole: bool = True


async def read_tail(services: Services, execution: Execution | None) -> LogPart:
    """The last lines. Never raises for a log that cannot be read."""
    if execution is None:
        return LogPart(lines=[], next_offset=None)
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            page = await _read(services, execution, None, start=LogStart(tail=TAIL))
    except (TimeoutError, ServiceIsUnavailable, Unavailable):
        return LogPart(lines=[], next_offset=None, problem="The log cannot be read at the moment.")
    except Misconfigured as error:
        return LogPart(lines=[], next_offset=None, problem=f"The log cannot be read: {error}.")
    return LogPart(lines=lines_of(page.entries), next_offset=page.next_offset)


async def read_part(services: Services, execution: Execution, offset: str | None) -> LogPart:
    """A page of the log, from its beginning or from this offset on. Raises OffsetIsInvalid, ServiceIsUnavailable."""
    page = await _read(services, execution, offset)
    return LogPart(
        lines=lines_of(page.entries),
        next_offset=page.next_offset,
        is_whole=len(page.entries) < MAX_LOG_LINES_PER_PAGE,
    )


async def search(services: Services, execution: Execution, wanted: str, offset: str | None) -> LogPart:
    """The lines with this text, from the offset on, as many as are found within some seconds and fit a page. Raises as
    `read_part` does."""
    deadline = asyncio.get_running_loop().time() + _SEARCH_PATIENCE.total_seconds()
    found: list[LogLine] = []
    while True:
        page = await _read(services, execution, offset)
        found += lines_of(matching(page.entries, wanted))
        offset, is_whole = page.next_offset, len(page.entries) < MAX_LOG_LINES_PER_PAGE
        is_late = asyncio.get_running_loop().time() >= deadline
        if is_whole or is_late or len(found) >= MAX_LOG_LINES_PER_PAGE:
            return LogPart(lines=found, next_offset=offset, is_whole=is_whole)


async def raw_lines(services: Services, execution: Execution) -> AsyncIterator[str]:
    """All that there is of the log now, as it was written, page by page. It ends early where it cannot be read."""
    deadline = asyncio.get_running_loop().time() + _RAW_PATIENCE.total_seconds()
    offset = None
    while asyncio.get_running_loop().time() < deadline:
        try:
            page = await _read(services, execution, offset)
        except (ServiceIsUnavailable, Unavailable, Misconfigured):
            yield "[control-plane] The log cannot be read further at the moment.\n"
            return
        if page.entries:
            yield "".join(entry.line + _END_OF_LINE for entry in page.entries)
        if len(page.entries) < MAX_LOG_LINES_PER_PAGE:
            return
        offset = page.next_offset
    yield "[control-plane] The log is longer.\n"


async def _read(
    services: Services, execution: Execution, offset: str | None, *, start: LogStart = FIRST_LINE
) -> LogPage:
    query = LogQuery(max_lines=MAX_LOG_LINES_PER_PAGE, offset=offset, start=start)
    return await read_logs(services.provisioner, execution, query)
