"""One execution's part of a warm container's log: what lies between the markers of its launch.

What the container writes between and after is nobody's; what it writes before, the first one's if it was launched for
that. A marker is sought in each stream by itself, as a platform may tell stdout and stderr out of order; where it does
not tell them apart, the part begins with the first of the two markers and ends with the last. A container that died in
the middle wrote no end: then the log's end is it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from control_plane_server.domain.containers import LogEntry, LogStream
from control_plane_server.domain.log_markers import MarkedLaunch, Marker, MarkerKind, first_marker

_BEFORE, _WITHIN, _OVER = range(3)
_STREAMS = (LogStream.STDOUT, LogStream.STDERR, None)
_PHASES = len(_STREAMS)
_BOTH = 2  # markers of a kind: one in each stream


@dataclass(frozen=True, slots=True)
class Progress:
    """How far into its part a reader is. `phases`: of stdout, of stderr, and of what is told of neither. `begins`,
    `ends`: how many such markers have been seen, no more than two."""

    phases: tuple[int, ...] = (_BEFORE,) * _PHASES
    begins: int = 0
    ends: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing of the execution can follow."""
        return self.ends >= _BOTH or self.phases[2] == _OVER or self.phases[:2] == (_OVER, _OVER)

    def is_within(self, stream: LogStream | None) -> bool:
        """Whether lines of this stream are the execution's."""
        return not self.is_over and self.phases[_STREAMS.index(stream)] == _WITHIN

    def to_digits(self) -> str:
        return "".join(map(str, (*self.phases, self.begins, self.ends)))

    @classmethod
    def from_digits(cls, digits: str) -> "Progress":
        """What `to_digits` gave. Raises ValueError for another text."""
        numbers = tuple(map(int, digits))
        if len(numbers) != _PHASES + 2 or max(numbers) > _BOTH:
            raise ValueError(digits)
        return cls(numbers[:_PHASES], numbers[_PHASES], numbers[_PHASES + 1])

    def after(self, marker: Marker, launch: MarkedLaunch, stream: LogStream | None) -> "Progress":
        """Behind a marker, of whatever execution, that was read in this stream."""
        if marker.of != launch:
            is_next = marker.kind is MarkerKind.BEGIN and self.is_within(stream)
            return self._with(stream, _OVER) if is_next else self
        if marker.kind is MarkerKind.BEGIN:
            begun = replace(self, begins=min(self.begins + 1, _BOTH))
            return begun._with(stream, _WITHIN, only_from=_BEFORE)
        ended = replace(self, ends=min(self.ends + 1, _BOTH))
        return ended if stream is None else ended._with(stream, _OVER)

    def _with(self, stream: LogStream | None, phase: int, *, only_from: int | None = None) -> "Progress":
        # A stream whose marker was read as the other's, within an unfinished line of that, has had it all the same.
        every = self.begins >= _BOTH and phase == _WITHIN
        return replace(
            self,
            phases=tuple(
                phase if (one is stream or (every and one is not None)) and only_from in (None, now) else now
                for one, now in zip(_STREAMS, self.phases, strict=True)
            ),
        )


NOTHING_SEEN = Progress()
WITHIN = Progress((_WITHIN,) * _PHASES)  # before its own markers


@dataclass(slots=True)
class PartScan:
    """Takes a launch's lines out of a log that is read in pages of any length."""

    launch: MarkedLaunch
    progress: Progress = NOTHING_SEEN
    _unfinished: dict[LogStream | None, tuple[LogEntry, ...]] = field(default_factory=dict)

    @property
    def is_between_lines(self) -> bool:
        """Whether nothing is held back that may be a part of a marker."""
        return not self._unfinished

    def lines_of(self, entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
        """The launch's lines among the next ones of the log. A line that ends with what may be the beginning of a
        marker comes with the one that follows it."""
        for entry in entries:
            held = self._unfinished.pop(entry.stream, ())
            text = "".join(piece.line for piece in held)
            if not held:
                yield from self._lines(entry)
            elif not _is_one(text, entry.line):
                for piece in held:
                    yield from self._of_launch(piece)
                yield from self._lines(entry)
            elif first_marker(text + entry.line).marker is not None:
                yield from self._lines(replace(held[0], line=text + entry.line))
            else:
                self._unfinished[entry.stream] = (*held, entry)

    def _lines(self, entry: LogEntry) -> Iterator[LogEntry]:
        rest = entry
        while (found := first_marker(rest.line)).marker is not None:
            if found.before:
                yield from self._of_launch(replace(rest, line=found.before))
            self.progress = self.progress.after(found.marker, self.launch, entry.stream)
            rest = replace(rest, line=found.after)
            if not found.after:
                return
        if found.unfinished:
            self._unfinished[entry.stream] = (rest,)
        else:
            yield from self._of_launch(rest)

    def _of_launch(self, entry: LogEntry) -> Iterator[LogEntry]:
        if self.progress.is_within(entry.stream):
            yield entry


def _is_one(held: str, following: str) -> bool:
    """Whether what was held back goes on in what follows, as a marker or as the beginning of one."""
    found = first_marker(held + following)
    return (
        following != ""
        and found.before == first_marker(held).before
        and (found.marker is not None or found.unfinished != "")
    )
