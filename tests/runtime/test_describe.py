"""What users declare beside their code, read by `python -m runtime.describe` as `control-plane deploy` does."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from api.schemas.functions import FunctionSpec

ROOT = Path(__file__).parents[2]


def run_describe(folder: Path, source: str | None, *, file: str = "main.py") -> subprocess.CompletedProcess[str]:
    if source is not None:
        (folder / file).write_text(textwrap.dedent(source))
    return subprocess.run(
        [sys.executable, "-m", "runtime.describe", file],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        text=True,
        capture_output=True,
        timeout=30,
        check=False,
    )


def describe(folder: Path, source: str) -> list[dict[str, Any]]:
    completed = run_describe(folder, source)
    assert completed.returncode == 0, completed.stderr
    functions: list[dict[str, Any]] = json.loads(completed.stdout)["functions"]
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
        import subprocess
        from runtime.declare import function

        print("from Python")
        subprocess.run(["echo", "from a program"])

        @function
        def f(): ...
        """
    completed = run_describe(tmp_path, source)
    assert [spec["function_name"] for spec in json.loads(completed.stdout)["functions"]] == ["f"]
    assert {"from Python", "from a program"} <= set(completed.stderr.splitlines())


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
        ("import sys\nsys.exit('no')", "main.py:2: SystemExit: no; mend that and deploy again"),
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
    completed = run_describe(tmp_path, source)
    assert (completed.returncode, completed.stdout) == (1, "")
    last = completed.stderr.removesuffix("\n")
    # Python 3.13 and later say which value is out of range.
    assert last.startswith(line.format(folder=tmp_path)), last
    assert "\n" not in last


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    completed = run_describe(tmp_path, None)
    assert completed.returncode == 1
    assert completed.stderr == f"There is no main.py in {tmp_path}; it is where functions are declared\n"


def test_a_mistake_in_an_imported_file_is_shown_there(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("def broken():\n    raise ValueError('first\\nsecond')\n")
    completed = run_describe(tmp_path, "import jobs\njobs.broken()\n")
    assert completed.stderr == "jobs.py:2: ValueError: first; mend that and deploy again\n"
