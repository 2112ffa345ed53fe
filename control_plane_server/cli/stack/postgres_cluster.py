"""PostgreSQL's files: made once, and asked which server runs on them."""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.postgres_account import Account, give

SUPERUSER = "postgres"
# Neither initdb nor the server looks anywhere else: PG* would lead them to other folders, ports and modes, and a locale
# that this machine does not have would keep them from running.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
# Built into the server: the same on every machine, whatever locales that has.
_LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """The server that its pid file names."""

    pid: int
    port: int
    socket_folder: Path

    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def make_cluster(folder: Path, programs: Path, account: Account) -> None:
    """Under another name first: a start that was killed leaves no half of it behind. Raises StackError."""
    if folder.exists():
        return
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    draft.chmod(0o700)  # whatever our umask is
    give(draft, account)
    # By a relative name, as initdb passes it to a shell, which some paths do not survive.
    completed = subprocess.run(
        (programs / "initdb", "--auth=trust", *_LOCALE, f"--username={SUPERUSER}", f"--pgdata={draft.name}"),
        cwd=folder.parent,
        env=ENVIRONMENT,
        umask=0o077,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        user=account.user,
        group=account.group,
        extra_groups=account.other_groups,
    )
    if completed.returncode != 0:
        reason = telling_line(completed.stderr) or f"initdb ended with exit code {completed.returncode}"
        raise StackError(f"PostgreSQL cannot make its files in {folder}: {reason}; choose another with --data-dir")
    draft.rename(folder)


def find_postmaster(folder: Path) -> Postmaster | None:
    """The one that is alive. None if there is none.

    Its file would be believed by the next server, although what is left of that process may be its exit code, or after
    a crash of the machine the pid another program's: then it is removed.
    """
    record = folder / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError):
        pid, place, _, port, socket_folder = record.read_text(errors="surrogateescape").split("\n")[:5]
        found = Postmaster(pid=int(pid), port=int(port), socket_folder=Path(socket_folder))
        if Path(place).resolve() == folder.resolve() and found.is_alive():
            return found
    record.unlink(missing_ok=True)
    return None


def telling_line(said: str) -> str:
    """The line that gives the reason, else the last one; empty if nothing was said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reasons = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "error:"))]
    return (reasons or lines or [""])[-1]
