"""What a warm container writes, and each execution's part of it, read as the API reads it."""

import shlex
from collections.abc import Iterator

from control_plane_server.domain.containers import LogEntry
from control_plane_server.domain.entities import ContainerDetails
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.domain.log_markers import MarkedLaunch, Marker, MarkerKind
from control_plane_server.provisioners.marked_logs import LogReads, MarkedPart, read_part

LAUNCHES = tuple(MarkedLaunch(ExecutionId(f"exe-{number:032x}"), 1 + number % 3) for number in range(20))


def lines_of(launch: MarkedLaunch) -> list[str]:
    """To stdout; the first of them to stderr as well, with `!` behind it."""
    number = LAUNCHES.index(launch)
    return [f"{number}: line {line}" for line in range(1 + 3 * (number % 5))]


def written(launches: tuple[MarkedLaunch, ...] = LAUNCHES) -> Iterator[tuple[int, str]]:
    """Lines with the descriptors that they are written to, in order, with noise between executions."""
    for launch in launches:
        yield from ((1, "a library, idle"), (2, "a library warns, idle"))
        yield from ((descriptor, str(Marker(launch, MarkerKind.BEGIN))) for descriptor in (1, 2))
        yield (2, f"{lines_of(launch)[0]}!")
        yield from ((1, line) for line in lines_of(launch))
        yield from ((descriptor, str(Marker(launch, MarkerKind.END))) for descriptor in (1, 2))
    yield (1, "ends")


def script() -> str:
    """For a shell: writes all that."""
    return "\n".join(f"echo {shlex.quote(line)} >&{descriptor}" for descriptor, line in written())


async def assert_parts(provisioner: LogReads, details: ContainerDetails, *, max_lines: int) -> None:
    """Each launch has its own lines, those of each stream in their order, and none other."""
    for launch in LAUNCHES:
        entries = await _part_of(provisioner, details, launch, max_lines)
        lines = [entry.line for entry in entries]
        assert [line for line in lines if not line.endswith("!")] == lines_of(launch)
        assert [line for line in lines if line.endswith("!")] == [f"{lines_of(launch)[0]}!"]


async def _part_of(
    provisioner: LogReads, details: ContainerDetails, launch: MarkedLaunch, max_lines: int
) -> list[LogEntry]:
    part = MarkedPart(launch=launch, since_ms=None)
    entries: list[LogEntry] = []
    offset = None
    while (page := await read_part(provisioner, details, part, offset, max_lines)).entries:
        assert len(page.entries) <= max_lines
        entries += page.entries
        offset = page.next_offset
    return entries
