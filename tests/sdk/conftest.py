"""A container's program as a real process in a folder of its own, talking to the stub."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sdk.api_stub import Document, StubState, serving

ROOT = Path(__file__).parents[2]
PROGRAM = (str(ROOT / "sdk" / "control_plane" / "__main__.py"),)


@dataclass(frozen=True, slots=True)
class Container:
    process: subprocess.Popen[str]
    state: StubState

    def sigterm(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        stdout, stderr = self.process.communicate(timeout=30)
        return self.process.returncode, stdout, stderr

    def report(self) -> Document:
        code, stdout, stderr = self.wait()
        assert self.state.report is not None, (code, stdout, stderr)
        return self.state.report


StartContainer = Callable[..., Container]


@pytest.fixture
def state() -> StubState:
    return StubState()


@pytest.fixture
def start_container(state: StubState, tmp_path: Path) -> Iterator[StartContainer]:
    """Run main.py's function `f` (its source is given), or a command, with the stub's input."""
    with ExitStack() as stack:
        url = stack.enter_context(serving(state))

        def start(source: str | None, *, program: tuple[str, ...] = PROGRAM, **variables: str) -> Container:
            if source is not None:
                (tmp_path / "main.py").write_text(textwrap.dedent(source))
            names = {"PROJECT_NAME": "p", "VERSION_ID": "ver-1", "FUNCTION_NAME": "f", "INVOCATION_ID": "inv-p"}
            names |= {"EXECUTION_ID": "exe-1", "API_URL": url, "API_KEY": state.api_key}
            environment = {f"MULTINODE_{name}": value for name, value in names.items()} | {
                "PYTHONPATH": str(ROOT),
                "PATH": os.environ["PATH"],
                **variables,
            }
            process = subprocess.Popen(
                [sys.executable, *program],
                cwd=tmp_path,
                env=environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return Container(process, state)

        yield start
