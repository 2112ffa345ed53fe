"""The folder of PostgreSQL's Unix socket: its data folder, or where that has a name that no socket may have, another.

A socket's path is short (104 bytes on macOS, 108 on Linux), and programs on both ends read a comma in it as a list.
"""

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.postgres_account import Account, give

_NAME_BYTES = len("/.s.PGSQL.5432.lock")
_MOST_BYTES = 103
_HARMLESS = re.compile(r"/[A-Za-z0-9/._+-]*")


def socket_folder(data: Path, account: Account) -> Path:
    """The same for the same data folder, as long as that is there. Raises StackError if there is none that will do."""
    if _can_hold_a_socket(data):
        return data
    found = data.stat()
    digest = hashlib.sha256(b"%d %d %b" % (found.st_dev, found.st_ino, os.fsencode(data))).hexdigest()[:16]
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):
        folder = Path(parent) / f"control-plane-{os.geteuid()}-{digest}"
        if parent and _can_hold_a_socket(folder) and os.access(parent, os.W_OK | os.X_OK):
            _make_private(folder, account)
            return folder
    raise StackError(f"no socket can be made for {data}; choose another folder with --data-dir")


def harmless_name(data: Path, sockets: Path) -> Path:
    """Of the data folder: its own, or where the server would stumble over that, one beside the socket."""
    if sockets == data or _HARMLESS.fullmatch(str(data)):
        return data
    name = sockets / "data"
    name.unlink(missing_ok=True)
    name.symlink_to(data)
    return name


def remove_socket_folder(sockets: Path, data: Path) -> None:
    """Once the server has ended."""
    if sockets != data:
        shutil.rmtree(sockets, ignore_errors=True)


def _can_hold_a_socket(folder: Path) -> bool:
    path = str(folder)
    return _HARMLESS.fullmatch(path) is not None and len(path) + _NAME_BYTES <= _MOST_BYTES


def _make_private(folder: Path, account: Account) -> None:
    """Raises StackError if somebody else has made it: whoever owns it could listen in our place."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), account.user):
        raise StackError(f"{folder} belongs to somebody else; remove it, or choose another folder with --data-dir")
    folder.chmod(0o700)
    give(folder, account)
