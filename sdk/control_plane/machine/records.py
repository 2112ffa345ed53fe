"""Which process runs a server, kept in a file for the stack that comes after this one."""

from pathlib import Path

from control_plane.machine.processes import Process


def write_record(path: Path, process: Process) -> None:
    """Replace the file as a whole: a reader never sees half of it."""
    draft = path.with_suffix(f".{process.pid}")
    draft.write_text(process.to_json())
    draft.replace(path)


def read_record(path: Path) -> Process | None:
    """None where there is no record, or none that can be read."""
    try:
        return Process.from_json(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
