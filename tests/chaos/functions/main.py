"""Functions of the fault suite. Each run notes itself in a file, beside the control plane, before it does anything."""

import os
import time
from pathlib import Path

import control_plane as cp


def answer(label: str, notes: str) -> str:
    _note(notes)
    return label


def hold(label: str, notes: str, seconds: float) -> str:
    _note(notes)
    time.sleep(seconds)
    return label


def overrun(label: str, notes: str, seconds: float) -> str:
    """Is given more to do than its timeout allows."""
    return hold(label, notes, seconds)


def fail(label: str, notes: str) -> None:
    _note(notes)
    raise ValueError(label)


def fail_at_first(label: str, notes: str) -> str:
    if _note(notes) == 1:
        raise ValueError(label)
    return label


def die(label: str, notes: str) -> None:
    """Ends without a word."""
    _note(notes)
    os._exit(3)


def call(label: str, notes: str, seconds: float) -> list[str]:
    """Has two children, and takes what comes of them."""
    _note(notes)
    execution = os.environ["MULTINODE_EXECUTION_ID"]
    children = [
        cp.submit("hold", label=f"{label}/{execution}/{number}", notes=notes, seconds=seconds) for number in range(2)
    ]
    return [_fate(child) for child in children]


def _fate(child: cp.Invocation[str]) -> str:
    try:
        return str(child.result())
    except cp.InvocationFailed as failure:
        return type(failure).__name__


def _note_company(notes: str) -> None:
    """That the execution before us in this container, a child of the same process, still runs."""
    container = os.getppid()
    if not _is_warm(container):  # of all containers it may be the parent
        return
    mark = Path(f"{notes}.container-{container}")
    if mark.exists() and _is_child_of(container, before := mark.read_text()):
        with open(f"{notes}.overlaps", "a") as overlaps:
            overlaps.write(f"{os.environ['MULTINODE_EXECUTION_ID']} began while {before} ran in the same container\n")
    mark.write_text(f"{os.getpid()} {os.environ['MULTINODE_EXECUTION_ID']}")


def _is_warm(container: int) -> bool:
    try:
        return b"CONTROL_PLANE_CONTAINER_ID=" in Path(f"/proc/{container}/environ").read_bytes()
    except OSError:  # it is gone, or we are: then our parent is the first process of the machine
        return False


def _is_child_of(parent: int, mark: str) -> bool:
    pid = int(mark.split()[0])
    try:
        state, ppid = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except FileNotFoundError:
        return False
    return pid != os.getpid() and int(ppid) == parent and state != "Z"


def _note(notes: str) -> int:
    """How often this invocation has run, this time included. Appended in one write: any number may do so at once."""
    _note_company(notes)
    invocation = os.environ["MULTINODE_INVOCATION_ID"]
    with open(notes, "ab", buffering=0) as file:
        file.write(f"{invocation} {os.environ['MULTINODE_EXECUTION_ID']} {os.getppid()} {os.getpid()}\n".encode())
    return sum(line.startswith(invocation) for line in Path(notes).read_text().splitlines())
