"""Modules of the user's with names of Python's own, and of ours, are theirs alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import PROGRAM, ROOT, StartContainer

# What our program and what it is made of import, at its beginning or late; `types` and such come before all else.
NAMES = [
    *("http", "email", "select", "selectors", "signal", "json", "socket", "ssl", "threading", "traceback", "tempfile"),
    *("types", "functools", "contextlib", "collections", "subprocess", "asyncio", "hashlib", "random", "logging"),
    *("queue", "concurrent", "urllib", "typing", "re", "linecache", "tokenize", "string", "math", "importlib"),
    *(
        "api",
        "commands",
        "functions",
        "worker",
        "progress",
        "environment",
        "program",
        "streams",
        "tally",
        "declarations",
        "encoding",
    ),
]


@pytest.mark.parametrize(
    "kind", ["def f(): return 'fine'", "async def f(): return 'fine'", "def f():\n    yield 1\n    return 'fine'"]
)
def test_they_break_nothing_of_ours(
    state: StubState, start_container: StartContainer, tmp_path: Path, kind: str
) -> None:
    for name in NAMES:
        if kind.startswith("async") and name in ("asyncio", "types", "typing"):
            continue
        (tmp_path / f"{name}.py").write_text("MINE = True")
    plain = [sys.executable, "-c", "import main"]
    container = start_container(kind)
    assert container.report() == {"outcome": "SUCCEEDED", "final_output": '"fine"', "error_message": None}
    subprocess.run(plain, cwd=tmp_path, check=True)


def test_they_are_what_the_users_code_imports(start_container: StartContainer, tmp_path: Path) -> None:
    """As where main.py is run by plain Python, which finds the folder before its own modules."""
    names = [name for name in NAMES if name != "importlib"]  # Python has loaded that one before any program begins
    for name in names:
        (tmp_path / f"{name}.py").write_text("MINE = True")
    values = ", ".join(f"{name}.MINE" for name in names)
    source = f"import {', '.join(names)}\ndef f():\n    import control_plane as cp; cp.submit\n    return [{values}]"
    assert json.loads(start_container(source).report()["final_output"]) == [True] * len(names)


def test_a_folder_of_data_hides_nothing(start_container: StartContainer, tmp_path: Path) -> None:
    (tmp_path / "threading").mkdir()
    (tmp_path / "signal").mkdir()
    source = """
        import signal, sys, threading

        def f():
            return [threading.main_thread() is threading.current_thread(), "asyncio" in sys.modules]
        """
    assert start_container(source).report()["final_output"] == "[true, false]"


@pytest.mark.parametrize("form", ["package", "module"])
def test_what_the_user_breaks_names_the_file(start_container: StartContainer, tmp_path: Path, form: str) -> None:
    file = tmp_path / "random" / "__init__.py" if form == "package" else tmp_path / "random.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text("MINE = True")
    message = start_container("import random, tempfile").report()["error_message"]
    assert message.startswith("main.py cannot be imported: ")
    assert f"({file.relative_to(tmp_path)} hides Python's own module random: give it another name)" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("program", "others"),
    [(("-m", "control_plane"), ()), (("control_plane/__main__.py",), ("types", "functools", "warnings"))],
)
def test_as_images_start_it_with_the_package_beside_main(
    start_container: StartContainer, tmp_path: Path, program: tuple[str, ...], others: tuple[str, ...]
) -> None:
    for name in ("http", "email", "json", "signal", "socket", "select", "queue", *others):
        (tmp_path / f"{name}.py").write_text("MINE = True")
    (tmp_path / "control_plane").symlink_to(ROOT / "sdk" / "control_plane")
    container = start_container("import queue\ndef f(): return queue.MINE", program=program, PYTHONPATH="")
    assert container.report()["final_output"] == "true"


def test_declarations_are_read_beside_them(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("MINE = True")
    (tmp_path / "main.py").write_text("import json\nimport control_plane as cp\n\n@cp.function\ndef f(): json.MINE")
    assert _read_declarations(tmp_path)["functions"][0]["function_name"] == "f"


def test_a_declaration_that_breaks_on_one_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "random.py").write_text("MINE = True")
    (tmp_path / "main.py").write_text("import random, tempfile")
    mistake = _read_declarations(tmp_path)["mistake"]
    assert "(random.py hides Python's own module random: give it another name)" in mistake


def _read_declarations(folder: Path) -> dict[str, Any]:
    answer = folder / "answer.json"
    command = [sys.executable, *PROGRAM, "describe", "main.py", str(answer)]
    completed = subprocess.run(command, check=False, cwd=folder, capture_output=True)
    assert answer.exists(), completed.stderr
    document: dict[str, Any] = json.loads(answer.read_text())
    return document
