"""The account that PostgreSQL runs under: ours, or where we are root, which it refuses, one of its own."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NAME = "pgserver"
_TRAVERSE = stat.S_IXOTH
_READ = stat.S_IROTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """As `subprocess` takes it: None where the program is to run under our own."""

    user: int | None = None
    group: int | None = None

    @property
    def other_groups(self) -> list[int] | None:
        return None if self.user is None else []


def postgres_account() -> Account:
    """Raises OSError or subprocess.SubprocessError if it is missing and cannot be made."""
    if os.geteuid() != 0:
        return Account()
    try:
        found = pwd.getpwnam(_NAME)
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/bin/false", _NAME], check=True, capture_output=True)
        found = pwd.getpwnam(_NAME)
    return Account(user=found.pw_uid, group=found.pw_gid)


def give(folder: Path, account: Account) -> None:
    """Make a folder the account's own, and let it through to there."""
    if account.user is not None and account.group is not None:
        os.chown(folder, account.user, account.group)
        _let_through(folder)


def let_run(installation: Path, account: Account) -> None:
    """Let the account run the programs in a folder, although somebody has installed them for themselves alone."""
    if account.user is None:
        return
    if not (installation / "bin" / "postgres").stat().st_mode & _TRAVERSE:
        for path in (installation, *installation.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | _READ | (_TRAVERSE if mode & stat.S_IXUSR else 0))
    _let_through(installation)


def _let_through(folder: Path) -> None:
    for parent in folder.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & _TRAVERSE:
            parent.chmod(mode | _TRAVERSE)
