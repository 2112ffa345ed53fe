"""The stack, started by somebody whose environment, locale, umask, limits and folder would change what it starts."""

import os
import resource
from pathlib import Path

import asyncpg
import pytest

from cli.stack.postgres import EmbeddedPostgres
from tests.cli.stacks import Ports, dev

_HOSTILE = {
    # of PostgreSQL and its clients
    "PGHOST": "nowhere.invalid",
    "PGPORT": "1",
    "PGDATA": "/nowhere",
    "PGSSLMODE": "verify-full",
    "PGOPTIONS": "-c no_such_setting=1",
    "PGTARGETSESSIONATTRS": "standby",
    # of Python
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
    # locales that this machine does not have
    "LC_ALL": "en_GB.ISO-8859-15",
    "LANG": "xx_XX",
    # of other programs
    "TEMPORAL_ADDRESS": "",
    "TEMPORAL_NAMESPACE": "",
    "GODEBUG": "no_such_setting=1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "grpc_proxy": "http://127.0.0.1:9",
    "TMPDIR": "/nowhere",
    "TZ": "Nowhere/Nothing",
    "XDG_RUNTIME_DIR": "/nowhere",
    "COLUMNS": "1",
}
_FOLDERS = ("with space", "it's", "a,b", "$x `id`", 'say "no"', "q?u#e%20", "new\nline", "snow☃", "x" * 120)


@pytest.mark.timeout(120)
async def test_a_stack_in_all_of_them_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = tmp_path / "others"
    others.mkdir()
    for name in ("api", "processes", "uvicorn", "temporalio", "asyncpg"):
        (others / f"{name}.py").write_text("raise SystemExit('not ours')")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = os.umask(0o777)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    folder = tmp_path / 'it\'s, 100% "mine"? #1\n☃'
    try:
        for name, value in _HOSTILE.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("HOME")
        async with dev(folder, Ports.free(), PYTHONPATH=str(others)) as stack:
            await stack.ready()
            assert await stack.end() == 0
    finally:
        os.umask(before)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("name", _FOLDERS)
async def test_a_database_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    server = EmbeddedPostgres(folder / "postgres")
    settings = await server.start()
    try:
        connection = await asyncpg.connect(
            host=settings.host, port=settings.port, user=settings.user, database="postgres"
        )
        assert await connection.fetchval("SELECT datlocale FROM pg_database WHERE datname = 'postgres'") == "C.UTF-8"
        await connection.close()
    finally:
        await server.stop()
