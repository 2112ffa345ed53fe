"""What importing costs whoever imports: applications, their tests, and every container."""

import subprocess
import sys
from pathlib import Path

import control_plane

FOLDER = Path(control_plane.__file__).parents[1]


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys; before = {*sys.modules}; import control_plane; print(*sorted({*sys.modules} - before))"
    assert _run(program) == "control_plane"


def test_declaring_imports_nothing_that_takes_long() -> None:
    program = "import sys, control_plane; control_plane.function(print); print(*sorted(sys.modules))"
    modules = _run(program).split()
    assert not {"inspect", "asyncio", "dataclasses", "json", "ssl"} & {*modules}


def _run(program: str) -> str:
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(FOLDER)!r}); {program}"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
