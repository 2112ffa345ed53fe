"""The stack starts and runs functions, whatever the shell that it is started from has set.

Twelve environments, of which those that do not touch the same things share a stack: a start takes seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from control_plane.access.local_stacks import StackAccess

from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from environment.provisioner_names import ProvisionerName
from tests.cli.stacks import Ports, new_dev
from tests.e2e.project import Project

_NOWHERE = "http://127.0.0.1:9"
_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_MAIN = """
import os, sys

def f(name):
    print("hällo")
    os.makedirs({place!r} + "/made/there")
    ours = [variable for variable in os.environ if variable.startswith("PG")]
    return {{"said": "hällo " + name, "optimized": sys.flags.optimize, "ours": ours}}
"""

_FOLDERS = ("with space", "new\nline", "snow☃")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """`shell`: what the shell does before. `folder`: the name of the data folder. `variables`: `{tmp}` is a folder."""

    shell: str = ":"
    folder: str = "data"
    variables: Mapping[str, str] = field(default_factory=dict)


_STRANGERS = "{tmp}/strangers"
ENVIRONMENTS = {
    "a locale that this machine does not have": Environment(variables={"LC_ALL": "xx_YY.UTF-8", "LANGUAGE": "tr"}),
    "variables of another PostgreSQL": Environment(
        variables={
            **{"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "nowhere", "PGUSER": "nobody", "PGDATABASE": "nothing"},
            **{"PGSSLMODE": "verify-full", "PGOPTIONS": "-c nothing=1", "PGSERVICE": "nothing", "PGTZ": "Nowhere"},
            **{"PGCLIENTENCODING": "SQL_ASCII", "PGPASSFILE": "/nowhere", "PGTARGETSESSIONATTRS": "standby"},
        }
    ),
    "a data folder of signs": Environment(folder='it\'s a,b $x %41?#&;\\ "ü" *'),
    "few descriptors and small files": Environment(shell="ulimit -S -n 64; ulimit -S -f 200; ulimit -S -c 0"),
    "variables of another Python": Environment(
        variables={
            **{"PYTHONPATH": _STRANGERS, "PYTHONOPTIMIZE": "2", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
            **{"PYTHONWARNINGS": "error", "PYTHONUSERBASE": "/nowhere", "PYTHONBREAKPOINT": "x"},
            **{"PYTHONASYNCIODEBUG": "1", "VIRTUAL_ENV": "/nowhere"},
        }
    ),
    "a umask that forbids everything": Environment(shell="umask 777"),
    "a data folder whose name is too long for sockets": Environment(
        folder="long" * 40, variables={"XDG_RUNTIME_DIR": "not/absolute"}
    ),
    "an odd folder for temporary files": Environment(variables={"TMPDIR": "{tmp}/it's a,b $x"}),
    "proxies that do not answer": Environment(
        variables=dict.fromkeys(_PROXIES, _NOWHERE)
        | {
            "NO_PROXY": "example.com",
            "GODEBUG": "nothing=1",
            "no_proxy": "example.com",
            "GRPC_PROXY": _NOWHERE,
            "grpc_proxy": _NOWHERE,
        }
    ),
    "no home, no user and no search path": Environment(shell="unset HOME USER LOGNAME SHELL PATH"),
    "a terminal of ASCII": Environment(
        variables={"LC_ALL": "C", "LANG": "", "PYTHONCOERCECLOCALE": "0", "TERM": "dumb", "COLUMNS": "1"}
    ),
    "closed streams and a zone of nobody's": Environment(
        shell="exec <&-", variables={"TZ": ":Nowhere/City", "CDPATH": "/"}
    ),
}
_SIDE_BY_SIDE = [list(ENVIRONMENTS)[first : first + 4] for first in range(0, len(ENVIRONMENTS), 4)]


@pytest.mark.parametrize("names", _SIDE_BY_SIDE, ids=[", ".join(names) for names in _SIDE_BY_SIDE])
async def test_the_stack_starts_and_runs_functions_in(names: list[str], tmp_path: Path) -> None:
    environments = [ENVIRONMENTS[name] for name in names]
    (tmp_path / "it's a,b $x").mkdir()
    _make_strangers(tmp_path / "strangers")
    variables = {
        name: value.replace("{tmp}", str(tmp_path))
        for environment in environments
        for name, value in environment.variables.items()
    }
    (folder,) = {environment.folder for environment in environments} - {"data"} or {"data"}
    shell = "; ".join(environment.shell for environment in environments)
    async with new_dev(
        tmp_path / folder, Ports.free(), provisioner=ProvisionerName.PROCESS, shell=shell, **variables
    ) as stack:
        access = await stack.ready()
        assert await _result(access, tmp_path) == {"said": "hällo wörld", "optimized": 0, "ours": []}
        assert await stack.end() == 0
        assert access.api_url in await stack.output()


async def _result(access: StackAccess, folder: Path) -> object:
    """Of a function that is deployed and called."""
    image = folder / "image"
    image.mkdir()
    (image / "main.py").write_text(_MAIN.format(place=str(folder / "place")))
    project = Project(access, "hostile")
    await project.deploy("f", folder=image)
    invocation = await project.ended("f", await project.invoke("f", name="wörld"))
    (execution,) = invocation["executions"]
    assert execution["outcome"] == "SUCCEEDED", (execution["error_message"], await project.logs("f", invocation))
    await project.http.aclose()
    return json.loads(execution["output"])


def _make_strangers(folder: Path) -> None:
    """Modules with names of ours that are somebody else's."""
    folder.mkdir()
    for name in ("api", "control_plane_server", "environment", "activities", "uvicorn", "temporalio", "asyncpg"):
        (folder / f"{name}.py").write_text("raise ImportError('a stranger')")


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
