"""Reading a folder's declarations, whatever its main.py does to whoever reads it."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from cli.deployment.declarations import declared_functions
from cli.exits import CommandFailed

_DECLARED = "from runtime.declare import function\n@function\ndef f(): ...\n"


async def read(folder: Path, source: str, *, seconds: float = 20) -> list[str]:
    (folder / "main.py").write_text(_DECLARED + source)
    return [spec["function_name"] for spec in await declared_functions(folder, within=timedelta(seconds=seconds))]


async def test_a_file_without_an_end_is_given_up_and_its_line_told(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"^main.py:5: main.py has not come to its end within 2 s; move what"):
        await read(tmp_path, "import time\nwhile True: time.sleep(0.01)", seconds=2)


async def test_a_program_that_holds_the_output_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    assert await read(tmp_path, "import subprocess\nsubprocess.Popen(['sleep', '60'])") == ["f"]
    assert time.monotonic() - began < 30


async def test_a_killed_python_is_told_with_its_signal(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"main.py cannot be read: Python was killed by SIGKILL"):
        await read(tmp_path, "import os\nos.kill(os.getpid(), 9)")


@pytest.mark.parametrize("kind", ["empty", "dangling", "not a program"])
async def test_a_broken_virtual_environment_is_an_error(tmp_path: Path, kind: str) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    if kind == "dangling":
        python.symlink_to("/nowhere/python3")
    elif kind == "not a program":
        python.write_text("nothing")
        python.chmod(0o755)
    with pytest.raises(CommandFailed, match="make it anew"):
        await read(tmp_path, "")
