"""What users declare beside their code, read by `python -m runtime.describe` as `control-plane deploy` does."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.schemas.functions import FunctionSpec

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Described:
    """`answer` is None where there is none."""

    exit_code: int
    answer: dict[str, Any] | None
    printed: str

    @property
    def mistake(self) -> str:
        assert self.answer is not None
        assert list(self.answer) == ["mistake"]
        mistake: str = self.answer["mistake"]
        assert "\n" not in mistake
        return mistake


def run_describe(folder: Path, source: str | None, *, file: str = "main.py") -> Described:
    if source is not None:
        (folder / file).write_text(textwrap.dedent(source))
    answer = folder.with_name(f"{folder.name}-answer")
    completed = subprocess.run(
        [sys.executable, "-m", "runtime.describe", file, str(answer)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=False,
    )
    found = json.loads(answer.read_text()) if answer.exists() else None
    return Described(exit_code=completed.returncode, answer=found, printed=completed.stdout)


def describe(folder: Path, source: str) -> list[dict[str, Any]]:
    described = run_describe(folder, source)
    assert described.answer is not None, described.printed
    assert (described.exit_code, list(described.answer)) == (0, ["functions"]), described.answer
    functions: list[dict[str, Any]] = described.answer["functions"]
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
    described = run_describe(tmp_path, source)
    assert described.answer is not None
    assert [spec["function_name"] for spec in described.answer["functions"]] == ["f"]
    assert {"from Python", "from a program"} <= set(described.printed.splitlines())


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
        (
            "import sys\nsys.exit('no')",
            'main.py:2: SystemExit: no; it is imported, not run: put that behind `if __name__ == "__main__":`',
        ),
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
    described = run_describe(tmp_path, source)
    assert (described.exit_code, described.printed) == (1, "")
    # Python 3.13 and later say which value is out of range.
    assert described.mistake.startswith(line.format(folder=tmp_path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    mistake = run_describe(tmp_path, None).mistake
    assert mistake == f"There is no main.py in {tmp_path}; it is where functions are declared"


def test_a_mistake_in_an_imported_file_is_shown_there(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("def broken():\n    raise ValueError('first\\nsecond')\n")
    mistake = run_describe(tmp_path, "import jobs\njobs.broken()\n").mistake
    assert mistake == "jobs.py:2: ValueError: first; mend that and deploy again"


_DECLARED = "from runtime.declare import function\n@function\ndef f(): ...\n"


@pytest.mark.parametrize(
    "source",
    [
        "import argparse\nargparse.ArgumentParser().parse_args()",
        "import atexit, os\natexit.register(lambda: os._exit(3))\natexit.register(print, 'noise')",
        "import sys\nsys.stdout.close()\nsys.stderr = None",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
        "import os\nif os.fork() == 0: os._exit(7)",
        "import os\nos.fork()",
        "import os\nfor number in (0, 1, 2): os.close(number)",
    ],
)
def test_what_the_file_does_to_the_process_does_not_touch_the_answer(tmp_path: Path, source: str) -> None:
    assert [spec["function_name"] for spec in describe(tmp_path, _DECLARED + source)] == ["f"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import os\nos._exit(0)", "main.py:5: os._exit(0) ends the reading of it; put that behind"),
        ("import os\nos.execv('/bin/true', ['true'])", "main.py:5: os.exec puts another program in place"),
        ("raise KeyboardInterrupt", "main.py:4: KeyboardInterrupt: ; mend that"),
        (
            "class Odd(Exception):\n    def __str__(self): 1 / 0\nraise Odd",
            "main.py:6: Odd: (its text cannot be made); mend that",
        ),
    ],
)
def test_an_untimely_end_is_told_with_its_line(tmp_path: Path, source: str, line: str) -> None:
    assert run_describe(tmp_path, _DECLARED + source).mistake.startswith(line)
