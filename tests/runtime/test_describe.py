"""What users declare beside their code, read as `control-plane deploy` does."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.schemas.functions import FunctionSpec
from provisioners.process.processes import kill_session
from tests.runtime.conftest import PROGRAM, ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`printed`: what main.py and all that it starts have written to stdout and stderr."""

    exit_code: int
    answer: dict[str, Any]
    printed: list[str]


def read(folder: Path, source: str | None) -> Reading:
    if source is not None:
        (folder / "main.py").write_text(textwrap.dedent(source))
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer"
        with (Path(scratch) / "printed").open("w+") as printed:
            process = subprocess.Popen(
                [sys.executable, *PROGRAM, "describe", "main.py", answer],
                cwd=folder,
                env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
            exit_code = process.wait(timeout=30)
            kill_session(process.pid)
            printed.seek(0)
            return Reading(
                exit_code=exit_code, answer=json.loads(answer.read_text()), printed=printed.read().splitlines()
            )


def describe(folder: Path, source: str) -> list[dict[str, Any]]:
    functions: list[dict[str, Any]] = read(folder, source).answer["functions"]
    return functions


def test_bare_functions_get_small_containers_and_no_retries(tmp_path: Path) -> None:
    source = """
        from runtime.declare import function

        @function
        def greet(name="world"): ...
        """
    assert describe(tmp_path, source) == [
        {
            "function_name": "greet",
            "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": 10},
            "execution_spec": {"max_retries": 0, "timeout_seconds": 3_600},
        }
    ]


def test_every_limit_arrives_where_the_api_expects_it(tmp_path: Path) -> None:
    source = """
        from runtime.declare import command, function

        LIMITS = dict(
            virtual_cpus=2, memory_gbs=8, max_concurrency=3, timeout_seconds=7200, max_retries=4,
            retry_initial_interval_seconds=5, retry_backoff_coefficient=1.5, retry_max_interval_seconds=50,
            docker_image="elsewhere:1",
        )

        @function(**LIMITS)
        def train(): ...

        command("sort", ["sort", "-n"], **LIMITS)
        """
    limits = {
        "docker_image_override": "elsewhere:1",
        "resource_spec": {"virtual_cpus": 2, "memory_gbs": 8, "max_concurrency": 3},
        "execution_spec": {
            "max_retries": 4,
            "timeout_seconds": 7_200,
            "retry_initial_interval_seconds": 5,
            "retry_backoff_coefficient": 1.5,
            "retry_max_interval_seconds": 50,
        },
    }
    specs = describe(tmp_path, source)
    assert specs == [
        {"function_name": "train", **limits},
        {"function_name": "sort", "command": ["sort", "-n"], **limits},
    ]
    for spec in specs:
        assert FunctionSpec.model_validate(spec).model_dump(exclude_unset=True) == spec


def test_what_the_file_prints_does_not_get_into_the_answer(tmp_path: Path) -> None:
    source = """
        import atexit, subprocess, sys
        from runtime.declare import function

        print('{"functions": []}', file=sys.stderr)
        subprocess.run(["echo", "from a program"])
        atexit.register(print, "at the end")

        @function
        def f(): ...
        """
    reading = read(tmp_path, source)
    assert [spec["function_name"] for spec in reading.answer["functions"]] == ["f"]
    assert sorted(reading.printed) == ["from a program", '{"functions": []}']


@pytest.mark.parametrize(
    "behaviour",
    [
        "import argparse; argparse.ArgumentParser().parse_args()",
        "import subprocess; subprocess.Popen(['sleep', '60'])",
        "import threading; threading.Thread(target=threading.Event().wait).start()",
        "import os; os.fork()",
        "import os; os.closerange(0, 100)",
        "import os, tempfile; os.chdir(tempfile.gettempdir())",
        "import atexit, os; atexit.register(os._exit, 3)",
        "import sys; sys.stdout = sys.stderr = None",
        "import os\ntry: os.execv('/nowhere', ['x'])\nexcept OSError: pass",
    ],
)
def test_whatever_else_the_file_does_its_functions_are_read(tmp_path: Path, behaviour: str) -> None:
    source = "from runtime.declare import function\n@function\ndef f(): ...\n" + behaviour
    assert [spec["function_name"] for spec in describe(tmp_path, source)] == ["f"]


@pytest.mark.parametrize(
    ("behaviour", "mistake"),
    [
        ("os._exit(0)", "main.py:5: os._exit(0) ends the reading of it;"),
        ("os.fork() and os._exit(3)", "main.py:5: os._exit(3) ends the reading of it;"),
        ("os.execv('/bin/true', ['true'])", "main.py:5: os.exec puts another program in place of this one;"),
        ("raise SystemExit", "main.py:5: SystemExit; it is imported, not run:"),
    ],
)
def test_a_file_that_ends_its_own_reading_is_told_where(tmp_path: Path, behaviour: str, mistake: str) -> None:
    source = "import os\nfrom runtime.declare import function\n@function\ndef f(): ...\n" + behaviour
    hint = 'put that behind `if __name__ == "__main__":`'
    assert read(tmp_path, source).answer == {"mistake": f"{mistake} {hint}"}


def test_a_declared_function_is_still_the_function(tmp_path: Path) -> None:
    source = """
        from runtime.declare import function

        @function(max_retries=2)
        def double(number):
            return 2 * number

        assert double(21) == 42

        @function
        def other(): ...
        """
    assert [spec["function_name"] for spec in describe(tmp_path, source)] == ["double", "other"]


def test_functions_of_other_files_count_if_main_imports_them(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("from runtime.declare import function\n@function\ndef f(): ...\n")
    assert [spec["function_name"] for spec in describe(tmp_path, "from jobs import f")] == ["f"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            "def f(): ...",
            "main.py declares no function; put `from runtime.declare import function` at its top and @function above "
            "one",
        ),
        ("x = 1\n1 / 0", "main.py:2: ZeroDivisionError: division by zero; mend that and deploy again"),
        ("def f(:", "main.py:1: SyntaxError: invalid syntax; mend that and deploy again"),
        ("class E(Exception):\n    __str__ = None\nraise E", "main.py:3: E: (its text cannot be made); mend that"),
        (
            "import not_there",
            "main.py:1: ModuleNotFoundError: No module named 'not_there'; install what it needs into {folder}/.venv",
        ),
        (
            "from runtime.declare import function\n@function(cpus=1)\ndef f(): ...",
            "main.py:2: TypeError: there is no limit 'cpus'; there are virtual_cpus, memory_gbs, max_concurrency, "
            "timeout_seconds, max_retries, retry_initial_interval_seconds, retry_backoff_coefficient, "
            "retry_max_interval_seconds, docker_image; mend that and deploy again",
        ),
        (
            "from runtime.declare import command\ncommand('f', 'sort -n')",
            'main.py:2: TypeError: a command is a list of words: ["sh", "-c", \'sort -n\'] runs a line of shell; '
            "mend that and deploy again",
        ),
        (
            "from runtime.declare import command\ncommand('f', ['x'])\ncommand('f', ['y'])",
            "main.py:3: 'f' is declared already at main.py:2; choose another name",
        ),
        (
            "from runtime.declare import function\nclass C:\n    @function\n    def f(self): ...",
            "main.py:3: 'f' is no top-level function of main.py; define it there, or import it there, with @function "
            "as its outermost decorator",
        ),
        (
            "from runtime.declare import function\n@function(virtual_cpus=float('nan'))\ndef f(): ...",
            "main.py:2: 'f' has a limit that is no JSON: Out of range float values are not JSON compliant",
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(tmp_path: Path, source: str, line: str) -> None:
    reading = read(tmp_path, source)
    assert reading.exit_code == 1
    # Python 3.13 and later say which value is out of range.
    mistake = reading.answer["mistake"]
    assert mistake.startswith(line.format(folder=tmp_path)), mistake
    assert "\n" not in mistake


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    mistake = f"There is no main.py in {tmp_path}; it is where functions are declared"
    assert read(tmp_path, None).answer == {"mistake": mistake}


def test_a_mistake_in_an_imported_file_is_shown_there(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("def broken():\n    raise ValueError('first\\nsecond')\n")
    mistake = "jobs.py:2: ValueError: first; mend that and deploy again"
    assert read(tmp_path, "import jobs\njobs.broken()\n").answer == {"mistake": mistake}
