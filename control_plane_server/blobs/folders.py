"""A folder as a store, where obstore does not do: pages in order, and what killed processes have left of uploads."""

import heapq
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from control_plane_server.blobs.objects import OWNER, StoredObject, is_blob_id

# In the name of a file that is being written: obstore puts it, and a number, behind that of the object.
_UNFINISHED = "#"


def page(folder: Path, *, after: str, at_most: int) -> list[StoredObject]:
    """The first blobs behind a key, in the order of their keys. However many there are, no more are held."""
    names = heapq.nsmallest(at_most, (name for name in _names(folder) if name > after and is_blob_id(name)))
    found = []
    for name in names:
        with suppress(FileNotFoundError):  # deleted in the meantime
            status = (folder / name).stat()
            found.append(StoredObject(key=name, size=status.st_size, last_modified=_time(status)))
    return found


def sweep(folder: Path, *, older_than: timedelta) -> int:
    """Delete files of ours that nobody has written to for so long and that are not whole. Returns how many there
    were."""
    deadline = datetime.now(UTC) - older_than
    swept = 0
    for name in [name for name in _names(folder) if _is_unfinished(name)]:
        with suppress(FileNotFoundError):
            if _time((folder / name).stat()) < deadline:
                (folder / name).unlink()
                swept += 1
    return swept


def _names(folder: Path) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from (entry.name for entry in entries if entry.is_file())


def _is_unfinished(name: str) -> bool:
    key, _, number = name.partition(_UNFINISHED)
    return number.isdecimal() and (key == OWNER or is_blob_id(key))


def _time(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)
