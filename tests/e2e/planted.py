"""Where a planted value can be found: in processes, files, tables and histories."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
from control_plane.access.local_stacks import StackAccess
from sqlalchemy import text
from temporalio.client import Client

from control_plane_server.catalog.database import Database

_PIECE = 1 << 20


def forms_of(value: str) -> tuple[bytes, ...]:
    """As it is, and as PostgreSQL and others show bytes."""
    return value.encode(), value.encode().hex().encode()


def processes_with(value: str) -> dict[int, str]:
    """The command lines of all processes of this machine that have it in their command line or environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            if value.encode() in command + (folder / "environ").read_bytes():
                found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def files_with(value: str, folder: Path) -> list[str]:
    """Databases with their logs of changes, logs, whatever containers leave."""
    return [str(file) for file in sorted(folder.rglob("*")) if file.is_file() and _has(file, forms_of(value))]


def _has(file: Path, forms: tuple[bytes, ...]) -> bool:
    try:
        with file.open("rb") as opened:
            tail = b""
            while piece := opened.read(_PIECE):
                if any(form in tail + piece for form in forms):
                    return True
                tail = piece[-200:]
    except OSError:  # it is gone
        pass
    return False


async def rows_with(value: str, catalog: Database) -> list[str]:
    """All columns of all tables, as text, those of PostgreSQL itself too: what is compressed in files is not here."""
    found = []
    async with catalog.statement() as connection:
        tables = await connection.scalars(
            text("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables")
        )
        for table in [*tables]:
            rows = await connection.scalars(text(f"SELECT t::text FROM {table} t"))
            found += [f"{table}: {row}" for row in rows if any(form.decode() in row for form in forms_of(value))]
    return found


async def histories_with(value: str, temporal: Client) -> list[str]:
    """Ids of workflows."""
    found = []
    async for workflow in temporal.list_workflows():
        history = await temporal.get_workflow_handle(workflow.id, run_id=workflow.run_id).fetch_history()
        raw = b"".join(event.SerializeToString() for event in history.events)
        if any(form in raw for form in forms_of(value)):
            found.append(workflow.id)
    return found


async def answers_with(value: str, stack: StackAccess, paths: Iterator[str]) -> list[str]:
    found = []
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    async with httpx2.AsyncClient(base_url=stack.api_url, headers=headers, trust_env=False, timeout=60) as http:
        for path in paths:
            answer = await http.get(path)
            assert answer.status_code == 200, path
            if value in answer.text:
                found.append(path)
    return found
