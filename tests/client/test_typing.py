"""What a type checker sees of a program that uses the client; and what importing costs."""

import subprocess
import sys
from pathlib import Path

import control_plane
import pytest
from mypy import api

_FUNCTIONS = """\
import control_plane as cp


@cp.function(memory_gb=1)
def resize(url: str, width: int = 800) -> dict[str, int]:
    return {url: width}
"""
_PROGRAM = """\
import control_plane as cp
from functions import resize

with cp.Client() as client:
    call = client.function("images", resize).submit("a.png", width=300)
    for value in call.progress():
        print(value)
    result: dict[str, int] = call.result(timeout=60)
    print(result)
"""
_ASYNC_PROGRAM = """\
import control_plane as cp
from functions import resize


async def main() -> dict[str, int]:
    async with cp.AsyncClient() as client:
        call = await client.function("images", resize).submit("a.png", width=300)
        return await call.result(timeout=60)
"""


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "functions.py").write_text(_FUNCTIONS)
    monkeypatch.setenv("MYPYPATH", f"{tmp_path}:{Path(control_plane.__path__[0]).parent}")
    return tmp_path


def _said(folder: Path, program: str) -> tuple[str, int]:
    (folder / "program.py").write_text(program)
    said, _, status = api.run(["--strict", "--cache-dir", str(folder / "cache"), str(folder / "program.py")])
    return said, status


def test_right_programs_pass_and_wrong_ones_do_not(checked: Path) -> None:
    for program in (_PROGRAM, _ASYNC_PROGRAM):
        said, status = _said(checked, program)
        assert status == 0, said
    said, status = _said(checked, _PROGRAM.replace("width=300", "width='wide'"))
    assert status == 1
    assert 'has incompatible type "str"; expected "int"' in said
    said, status = _said(checked, _ASYNC_PROGRAM.replace("width=300", "widht=300"))
    assert status == 1
    assert "widht" in said
    said, status = _said(checked, _PROGRAM.replace("dict[str, int] = ", "list[int] = "))
    assert status == 1
    assert "Incompatible types in assignment" in said


def test_without_the_http_client_one_line_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['httpx2'] = None\n"
        "import control_plane as cp\n"
        "try: cp.Client('http://127.0.0.1:1', 'key')\n"
        "except cp.ControlPlaneError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == 'the client needs httpx2: pip install "control-plane-client[client]"\n'


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import control_plane; print(sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "['control_plane']\n"
