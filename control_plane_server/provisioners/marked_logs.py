"""Pages of one execution's part of a warm container's log.

An offset is one of the provisioner's, how far into its part a reader is there, and how many of the part's lines after
it have been told: `1700000000000.2_11011_0`. It is one at which no marker is in the middle, so that the next page can
be read by anyone.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from control_plane_server.domain.containers import FIRST_LINE, LogEntry, LogPage, LogStart
from control_plane_server.domain.entities import ContainerDetails
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.domain.log_markers import MarkedLaunch
from control_plane_server.provisioners.log_parts import NOTHING_SEEN, WITHIN, PartScan, Progress

_OFFSET = re.compile(r"(?P<log>[^_]{0,60})_(?P<progress>[0-2]{5})_(?P<told>[0-9]{1,6})", re.ASCII)
# A page ends without its lines after so many of the container's: the next one goes on.
_MOST_READS = 40
_LINES_OF_A_SCAN = 2_000
_LEAST_READ = 250  # lines, until there are some of the part
# How far a machine's clock may be behind the catalog's, which wrote when the launch was noted.
_CLOCKS = timedelta(seconds=5)


class LogReads(Protocol):
    """What of a provisioner is needed."""

    async def read_logs(
        self, details: ContainerDetails, offset: str | None, max_lines: int, *, start: LogStart = FIRST_LINE
    ) -> LogPage: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedPart:
    """The part of a launch. `since_ms`: a time before it, in milliseconds since 1970: what was written earlier need not
    be read. `is_first`: the container was launched for it, so that what it writes before, while it imports the user's
    module, belongs to it, too."""

    launch: MarkedLaunch
    since_ms: int | None
    is_first: bool = False

    @property
    def beginning(self) -> "_Place":
        return _Place(progress=WITHIN if self.is_first else NOTHING_SEEN)

    @classmethod
    def of(
        cls, execution_id: ExecutionId, launch: int, launch_time: datetime | None, *, is_first: bool
    ) -> "MarkedPart":
        """The part of the launch with this number, with refused ones, which was noted then: the container begins the
        execution afterwards."""
        since = None if launch_time is None else launch_time - _CLOCKS
        return cls(
            launch=MarkedLaunch(execution_id, launch),
            since_ms=None if since is None else round(since.timestamp() * 1_000),
            is_first=is_first,
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """`log`: an offset of the provisioner; None: where the part may begin. `told`: how many of its lines from there on
    have been told."""

    log: str | None = None
    progress: Progress = NOTHING_SEEN
    told: int = 0

    def __str__(self) -> str:
        return f"{self.log or ''}_{self.progress.to_digits()}_{self.told}"

    @classmethod
    def parse(cls, offset: str) -> "_Place":
        found = _OFFSET.fullmatch(offset)
        if found is None:
            raise OffsetIsInvalid
        return cls(found["log"] or None, Progress.from_digits(found["progress"]), int(found["told"]))


def is_over(offset: str | None) -> bool:
    """Whether nothing of the part follows at an offset of `read_part`, whatever is added to the log."""
    found = None if offset is None else _OFFSET.fullmatch(offset)
    return found is not None and Progress.from_digits(found["progress"]).is_over


async def read_part(
    provisioner: LogReads,
    details: ContainerDetails,
    part: MarkedPart,
    offset: str | None,
    max_lines: int,
    *,
    start: LogStart = FIRST_LINE,
) -> LogPage:
    """As a provisioner's `read_logs`, of the part alone. An empty page may have another offset than it was asked for:
    there was much of others'. Raises what the provisioner raises."""
    walk = _Walk(provisioner, details, part)
    place = part.beginning if offset is None else _Place.parse(offset)
    if offset is None and start != FIRST_LINE:
        place = await walk.place_of_start(start)
    walk.go_to(place)
    wanted = place.told + max_lines
    lines: list[LogEntry] = []
    for _ in range(_MOST_READS):
        lines += await walk.read(max(wanted - len(lines), 1 if lines else _LEAST_READ))
        if walk.is_at_end or len(lines) >= wanted or (len(lines) > place.told and walk.was_last_page_short):
            break
    if offset is None and not walk.has_log:
        return LogPage(entries=(), next_offset=None)
    end = min(len(lines), wanted)
    return LogPage(entries=tuple(lines[place.told : end]), next_offset=str(walk.place_of(end)))


class _Walk:
    """Goes through a part from a place on. Lines are counted from there."""

    def __init__(self, provisioner: LogReads, details: ContainerDetails, part: MarkedPart) -> None:
        self._provisioner = provisioner
        self._details = details
        self._part = part
        self.go_to(part.beginning)

    def go_to(self, place: _Place) -> None:
        self._scan = PartScan(self._part.launch, place.progress)
        self._log = place.log
        # Places without a marker in the middle, and how many lines come before each.
        self._places = [(0, replace(place, told=0))]
        self._count = 0
        self.is_at_end = self.was_last_page_short = False

    @property
    def has_log(self) -> bool:
        return self._log is not None

    async def read(self, max_lines: int) -> list[LogEntry]:
        """The part's lines among so many of the container's."""
        if self._scan.progress.is_over:
            self.is_at_end = True
            return []
        start = LogStart(since_ms=self._part.since_ms)
        page = await self._provisioner.read_logs(self._details, self._log, max_lines, start=start)
        self.is_at_end = not page.entries
        self.was_last_page_short = len(page.entries) < max_lines
        lines = list(self._scan.lines_of(page.entries))
        self._count += len(lines)
        self._log = page.next_offset or self._log
        if self._scan.is_between_lines:
            self._places.append((self._count, _Place(self._log, self._scan.progress)))
        return lines

    def place_of(self, line: int) -> _Place:
        """Of the line with this number, counted from 0, one that was read or the next one."""
        number = bisect_right(self._places, line, key=lambda one: one[0]) - 1
        count, place = self._places[number]
        return replace(place, told=line - count)

    async def place_of_start(self, start: LogStart) -> _Place:
        """Where a reader begins who wants the part from there on: found by reading the part."""
        first = 0 if start.since_ms is None else None
        while not self.is_at_end and (first is None or start.tail is not None):
            before = self._count
            lines = await self.read(_LINES_OF_A_SCAN)
            if first is None:
                first = next((before + n for n, line in enumerate(lines) if _is_since(line, start.since_ms)), None)
        if first is None:
            first = self._count
        return self.place_of(first if start.tail is None else max(first, self._count - start.tail))


def _is_since(line: LogEntry, since_ms: int | None) -> bool:
    return since_ms is None or line.time_ms is None or line.time_ms >= since_ms
