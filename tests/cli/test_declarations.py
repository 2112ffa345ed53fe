"""Reading a folder's declarations, whatever is in it: it ends, in one line that says what to mend."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.deployment.declarations import read_declarations

_SOON = timedelta(seconds=20)
_DECLARED = "from control_plane import function\n@function\ndef f(): ...\n"


async def complaint(folder: Path, source: str, *, within: timedelta = _SOON) -> str:
    (folder / "main.py").write_text(_DECLARED + source)
    with pytest.raises(CannotBeDone) as failure:
        await read_declarations(folder, module="main", within=within, report=print)
    return str(failure.value)


async def test_a_file_that_does_not_end_is_told_with_the_line_that_it_is_at(tmp_path: Path) -> None:
    source = "import threading\nprint('now')\nthreading.Event().wait()\n"
    assert await complaint(tmp_path, source, within=timedelta(seconds=2)) == (
        "main.py:6: main.py has not come to its end within 2 s; "
        "move what takes so long into a function, or allow more with --read-timeout"
    )


async def test_another_program_in_its_place_is_told_though_it_does_not_end(tmp_path: Path) -> None:
    source = "import os\nos.execvp('sleep', ['sleep', '60'])\n"
    said = await complaint(tmp_path, source, within=timedelta(seconds=2))
    assert said.startswith("main.py:5: os.exec puts another program in place of this one")


async def test_a_crash_is_told_by_its_signal_and_the_last_words(tmp_path: Path) -> None:
    source = "import os\nprint('loading', flush=True)\nos.kill(os.getpid(), 11)\n"
    said = await complaint(tmp_path, source)
    assert said == f"{tmp_path / 'main.py'} cannot be read: Python was killed by SIGSEGV: loading"


async def test_what_it_has_started_holds_nothing_up_and_ends_with_it(tmp_path: Path) -> None:
    source = "import subprocess\nprint(subprocess.Popen(['sleep', '60']).pid, file=open('pid', 'w'), flush=True)\n"
    (tmp_path / "main.py").write_text(_DECLARED + source)
    declared = await read_declarations(tmp_path, module="main", within=_SOON, report=print)
    assert (len(declared.functions), declared.files) == (1, [Path("main.py")])
    while Path("/proc").joinpath((tmp_path / "pid").read_text().strip(), "exe").exists():
        await asyncio.sleep(0.01)


async def test_a_virtual_environment_without_a_python_that_runs_is_no_reason_to_take_another(tmp_path: Path) -> None:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    advice = f"{tmp_path / '.venv'} is no virtual environment with a Python that runs; make it anew, or remove it"
    assert await complaint(tmp_path, "") == advice
    (programs / "python").symlink_to("/gone/python3")
    assert await complaint(tmp_path, "") == advice
    (programs / "python").unlink()
    (programs / "python").write_text("no program")
    os.chmod(programs / "python", 0o755)
    assert "does not start" in await complaint(tmp_path, "")
    (programs / "python").write_text("#!/bin/sh\necho its home is gone >&2\nexit 1\n")
    assert (await complaint(tmp_path, "")).endswith("Python ended with exit code 1: its home is gone")
