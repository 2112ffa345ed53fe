"""What users declare beside their code, read by `python -m control_plane describe` as `control-plane deploy` does."""

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


@dataclass(frozen=True, slots=True)
class Reading:
    """`answer`: None if there is none."""

    exit_code: int
    answer: dict[str, Any] | None
    printed: str

    @property
    def names(self) -> list[str]:
        assert self.answer is not None, self.printed
        return [spec["function_name"] for spec in self.answer["functions"]]

    @property
    def mistake(self) -> str:
        assert self.answer is not None, self.printed
        return str(self.answer["mistake"])


def run_describe(folder: Path, source: str | None, *, file: str = "main.py") -> Reading:
    if source is not None:
        (folder / file).write_text(textwrap.dedent(source))
    answer, printed = folder.parent / "answer.json", folder.parent / "printed"
    with printed.open("w") as output:
        completed = subprocess.run(
            [sys.executable, "-m", "control_plane", "describe", file, str(answer)],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            stdout=output,
            stderr=output,
            timeout=30,
            check=False,
        )
    return Reading(
        exit_code=completed.returncode,
        answer=json.loads(answer.read_text()) if answer.exists() else None,
        printed=printed.read_text(errors="replace"),
    )


def describe(folder: Path, source: str) -> list[dict[str, Any]]:
    reading = run_describe(folder, source)
    assert reading.answer is not None, reading.printed
    functions: list[dict[str, Any]] = reading.answer["functions"]
    return functions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's; beside it is what was read and printed."""
    path = tmp_path / "project"
    path.mkdir()
    return path


def test_bare_functions_get_small_containers_and_no_retries(folder: Path) -> None:
    source = """
        from control_plane import function

        @function
        def greet(name="world"): ...
        """
    assert describe(folder, source) == [
        {
            "function_name": "greet",
            "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": 10},
            "execution_spec": {"max_retries": 0, "timeout_seconds": 3_600},
            "signature": {
                "type": "object",
                "properties": {"name": {"default": "world"}},
                "required": [],
                "additionalProperties": False,
                "x-positional": ["name"],
            },
        }
    ]


def test_every_limit_arrives_where_the_api_expects_it(folder: Path) -> None:
    source = """
        from control_plane import command, function

        LIMITS = dict(
            cpus=2, memory_gb=8, max_concurrency=3, concurrency="function", timeout=7200, retries=4,
            retry_delay=5, retry_backoff=1.5, max_retry_delay=50, image="elsewhere:1",
        )

        @function(**LIMITS)
        def train(): ...

        command("sort", ["sort", "-n"], **LIMITS)
        """
    limits = {
        "docker_image_override": "elsewhere:1",
        "resource_spec": {"virtual_cpus": 2, "memory_gbs": 8, "max_concurrency": 3, "concurrency": "function"},
        "execution_spec": {
            "max_retries": 4,
            "timeout_seconds": 7_200,
            "retry_initial_interval_seconds": 5,
            "retry_backoff_coefficient": 1.5,
            "retry_max_interval_seconds": 50,
        },
    }
    specs = describe(folder, source)
    assert specs[0].pop("signature")["properties"] == {}
    assert specs == [
        {"function_name": "train", **limits},
        {"function_name": "sort", "command": ["sort", "-n"], **limits},
    ]
    for spec in specs:
        assert FunctionSpec.model_validate(spec).model_dump(exclude_unset=True) == spec


def test_what_the_file_prints_does_not_get_into_the_answer(folder: Path) -> None:
    source = """
        import subprocess
        from control_plane import function

        print("from Python")
        subprocess.run(["echo", "from a program"])

        @function
        def f(): ...
        """
    reading = run_describe(folder, source)
    assert reading.names == ["f"]
    assert {"from Python", "from a program"} <= set(reading.printed.splitlines())


def test_a_declared_function_is_still_the_function(folder: Path) -> None:
    source = """
        from control_plane import function

        @function(retries=2)
        def double(number):
            return 2 * number

        assert double(21) == 42

        @function
        def other(): ...
        """
    assert [spec["function_name"] for spec in describe(folder, source)] == ["double", "other"]


def test_functions_of_other_files_count_if_main_imports_them(folder: Path) -> None:
    (folder / "jobs.py").write_text("from control_plane import function\n@function\ndef f(): ...\n")
    assert [spec["function_name"] for spec in describe(folder, "from jobs import f")] == ["f"]


def test_a_module_may_declare_instead(folder: Path) -> None:
    (folder / "images").mkdir()
    (folder / "images" / "__init__.py").touch()
    (folder / "images" / "sizes.py").write_text("WIDTH = 800\n")
    (folder / "images" / "jobs.py").write_text(
        "import control_plane as cp\nfrom images.sizes import WIDTH\n\n"
        "@cp.function\ndef resize(width: int = WIDTH): ...\n"
    )
    reading = run_describe(folder, None, file="images.jobs")
    assert reading.names == ["resize"]
    (folder / "images" / "jobs.py").write_text("import control_plane as cp\n\n@cp.function\ndef f(a=print): ...\n")
    assert run_describe(folder, None, file="images.jobs").mistake.startswith(
        f"{Path('images', 'jobs.py')}:3: f(): the default of a is a builtin_function_or_method, which has no form"
    )
    missing = run_describe(folder, None, file="images.none").mistake
    assert missing == f"There is no {Path('images', 'none.py')} in {folder}; it is where functions are declared"


def test_what_json_does_not_bring_is_said_about_each_parameter(folder: Path) -> None:
    source = """
        import datetime
        import control_plane as cp

        @cp.function
        def f(when: datetime.datetime, rows: list[int], places: set[str]): ...
        """
    reading = run_describe(folder, source)
    assert reading.answer is not None
    assert reading.answer["advice"] == [
        "main.py:5: f(): when arrives as a string, as JSON brings it",
        "main.py:5: f(): places arrives as a list, as JSON brings it",
    ]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            "def f(): ...",
            "main.py declares no function; put `import control_plane as cp` at its top and @cp.function above one",
        ),
        ("x = 1\n1 / 0", "main.py:2: ZeroDivisionError: division by zero; mend that and deploy again"),
        ("def f(:", "main.py:1: SyntaxError: invalid syntax; mend that and deploy again"),
        (
            "import sys\nsys.exit('no')",
            'main.py:2: SystemExit: no; it is imported, not run: put that behind `if __name__ == "__main__":`',
        ),
        (
            "import os\nos._exit(3)",
            'main.py:2: os._exit(3) ends the reading of it; put that behind `if __name__ == "__main__":`',
        ),
        (
            "import os\nos.execvp('true', ['true'])",
            "main.py:2: os.exec puts another program in place of this one; put that behind "
            '`if __name__ == "__main__":`',
        ),
        (
            "class Broken(Exception):\n    def __str__(self):\n        raise ValueError\n\nraise Broken",
            "main.py:5: Broken: (its text cannot be made); mend that and deploy again",
        ),
        (
            "import atexit, sys\natexit.register(print, 'the last line', file=sys.stderr)\n1 / 0",
            "main.py:3: ZeroDivisionError: division by zero; mend that and deploy again",
        ),
        (
            "import not_there",
            "main.py:1: ModuleNotFoundError: No module named 'not_there'; install what it needs into {folder}/.venv",
        ),
        (
            "import control_plane as cp\n@cp.function(virtual_cpus=1)\ndef f(): ...",
            "main.py:2: TypeError: there is no limit 'virtual_cpus'; there are cpus, memory_gb, max_concurrency, "
            "concurrency, retries, timeout, attempt_timeout, queue_timeout, retry_delay, retry_backoff, "
            "max_retry_delay, retry_jitter, no_retry_on, resume_children, image, reuse, schedule, environment, "
            "secrets, storage_gib, architecture, gpus, capacity, task_role; mend that and deploy again",
        ),
        (
            "from control_plane import command\ncommand('f', 'sort -n')",
            'main.py:2: TypeError: a command is a list of words: ["sh", "-c", \'sort -n\'] runs a line of shell; '
            "mend that and deploy again",
        ),
        (
            "from control_plane import command\ncommand('f', ['x'])\ncommand('f', ['y'])",
            "main.py:3: 'f' is declared already at main.py:2; choose another name",
        ),
        (
            "from control_plane import function\n@function\ndef f(): ...\n@function\ndef f(): ...",
            "main.py:4: 'f' is declared already at main.py:2; choose another name",
        ),
        (
            "from control_plane import function\nclass C:\n    @function\n    def f(self): ...",
            "main.py:3: 'f' is no top-level function of main.py; define it there, or import it there, with "
            "@cp.function as its outermost decorator",
        ),
        (
            "from control_plane import function\n@function(cpus=float('nan'))\ndef f(): ...",
            "main.py:2: 'f' has a limit that is no JSON: Out of range float values are not JSON compliant",
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(folder: Path, source: str, line: str) -> None:
    mistake = run_describe(folder, source).mistake
    # Python 3.13 and later say which value is out of range.
    assert mistake.startswith(line.format(folder=folder))
    assert "\n" not in mistake


def test_a_file_that_is_not_there(folder: Path) -> None:
    reading = run_describe(folder, None)
    assert reading.exit_code == 1
    assert reading.mistake == f"There is no main.py in {folder}; it is where functions are declared"


def test_a_mistake_in_an_imported_file_is_shown_there(folder: Path) -> None:
    (folder / "jobs.py").write_text("def broken():\n    raise ValueError('first\\nsecond')\n")
    reading = run_describe(folder, "import jobs\njobs.broken()\n")
    assert reading.mistake == "jobs.py:2: ValueError: first; mend that and deploy again"


DECLARED = "from control_plane import function\n\n@function\ndef f(): ...\n\n"


@pytest.mark.parametrize(
    "source",
    [
        "import os, sys\nos.close(1)\nos.close(2)\nsys.stdout = None",
        "import argparse\nargparse.ArgumentParser().parse_args()",
        "import atexit, time\natexit.register(time.sleep, 1000)",
        "import threading\nthreading.Thread(target=threading.Event().wait).start()",
        "import os\nos.fork()",
        "import subprocess\nsubprocess.Popen(['sleep', '1000'])",
        "import os\nif os.fork() == 0:\n    os._exit(1)",
        "import os, sys\nos.chdir('/')\nsys.argv = []\nsys.path.clear()",
        "import sys\nsys.stdout.write('no line end')\nsys.stderr.buffer.write(bytes([255, 0, 27]))",
        "import builtins, json, os\njson.dumps = builtins.open = os.replace = None",
    ],
    ids=[
        "closes",
        "arguments",
        "atexit",
        "thread",
        "forks",
        "leaves a program",
        "child exits",
        "moves",
        "prints bytes",
        "breaks modules",
    ],
)
def test_whatever_the_file_does_its_declarations_are_read(folder: Path, source: str) -> None:
    assert run_describe(folder, DECLARED + source).names == ["f"]


def test_a_file_that_is_killed_leaves_no_answer(folder: Path) -> None:
    reading = run_describe(folder, DECLARED + "import os\nos.kill(os.getpid(), 9)")
    assert (reading.exit_code, reading.answer) == (-9, None)
