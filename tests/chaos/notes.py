"""What the functions of the suite have noted of their runs."""

from collections import Counter
from pathlib import Path

from control_plane_server.domain.identifiers import ExecutionId


def read_runs(notes: Path) -> Counter[ExecutionId]:
    """How often each execution has run the user's code."""
    return Counter(ExecutionId(line.split()[1]) for line in _lines(notes))


def read_last_runs(notes: Path) -> dict[int, ExecutionId]:
    """The execution that ran last in each process, or in a child of it: in a container that is reused."""
    return {int(pid): ExecutionId(line.split()[1]) for line in _lines(notes) for pid in line.split()[2:]}


def read_overlaps(notes: Path) -> list[str]:
    """What executions have seen of others that ran in the same container at the same time."""
    return _lines(notes.with_name(f"{notes.name}.overlaps"))


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
