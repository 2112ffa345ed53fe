"""What a type checker says of a program that declares functions and calls them."""

import os
import subprocess
import sys
from pathlib import Path

import control_plane

PROGRAM = """
from typing import AsyncIterator, Dict, Iterator, List

import control_plane as cp


@cp.function(cpus=2, timeout=60, retries=3)
def resize(url: str, width: int = 800) -> Dict[str, int]:
    return {"width": width}


@cp.function
async def later(number: int) -> str:
    return str(number)


@cp.function
def steps(to: int) -> Iterator[int]:
    yield from range(to)


@cp.function
async def later_steps(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


plain: Dict[str, int] = resize("u", width=3)
call: cp.Invocation[Dict[str, int]] = resize.submit("u", width=3)
result: Dict[str, int] = call.result(timeout=1.5)
text: str = later.submit(3).result()
everything: List[str] = cp.gather(later.submit(1), later.submit(2))
ended: Iterator[cp.Invocation[str]] = cp.as_completed([later.submit(1)])
with_key: Dict[str, int] = resize.with_options(cp.Options(idempotency_key="k")).submit("u").result()
last: object = steps.submit(3).result()
other: object = later_steps.submit(3).result()
sort = cp.command("sort", ["sort", "-n"], image="debian:13")
lines: "str | None" = sort.submit("b").result()
when = cp.current().deadline.isoformat()

resize(1)  # wrong
resize.submit(1)  # wrong
resize.submit("u", hight=1)  # wrong
later.submit("x")  # wrong
resize.submit("u").result().upper()  # wrong
resize.with_options(cp.Options()).submit()  # wrong
cp.function(virtual_cpus=1)  # wrong
steps.submit("x")  # wrong
"""


def test_right_calls_pass_and_each_wrong_one_is_found(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    completed = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", "program.py"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "MYPYPATH": str(Path(control_plane.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    said = completed.stdout.splitlines()
    found = {int(line.split(":")[1]) for line in said if line.startswith("program.py:") and ": error:" in line}
    expected = {number for number, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")}
    assert found == expected, completed.stdout + completed.stderr
