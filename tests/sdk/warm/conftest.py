"""A warm container's program as a real process, which is given one execution after the other."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.api_stub import Document, StubState
from tests.sdk.conftest import Container, StartContainer


class WarmContainer:
    def __init__(self, container: Container) -> None:
        self.process = container.process
        self.state = container.state
        self._container = container
        self._count = 0

    def begin(self, value: object = None) -> str:
        """Lease it for an execution with this argument; gives the execution's id."""
        self._count += 1
        execution_id = f"exe-{self._count:032x}"
        with self.state.changed:
            text = "" if value is None else json.dumps(value)
            self.state.warm.offer(execution_id, text=text, token=self.state.api_key)
            self.state.changed.notify_all()
        return execution_id

    def wait(self, execution_id: str) -> int | None:
        """Until the container has let go of it. Its exit code."""
        self.state.wait_until(lambda: self.state.warm.has_ended(execution_id))
        return self.state.warm.exit_code(execution_id)

    def report(self, value: object = None) -> Document:
        """Of an execution with this argument, from begin to end."""
        execution_id = self.begin(value)
        self.wait(execution_id)
        return self.state.reports[execution_id]

    def output(self, value: object = None) -> Any:
        """Of one that succeeds."""
        report = self.report(value)
        assert report["outcome"] == "SUCCEEDED", report
        return json.loads(report["final_output"])

    def stop(self, execution_id: str) -> None:
        with self.state.changed:
            self.state.warm.stops.add(execution_id)
            self.state.changed.notify_all()

    def end(self) -> tuple[int, str, str]:
        """Tell it that there are no more. Exit code, stdout, stderr."""
        with self.state.changed:
            self.state.warm.is_end = True
            self.state.changed.notify_all()
        return self._container.wait()

    def sigterm(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGTERM)
        return self._container.wait()

    def read_ready(self) -> None:
        """Until the user's code has printed it."""
        assert self.process.stdout is not None
        while (line := self.process.stdout.readline()) != "ready\n":
            assert line, "it has ended"


StartWarm = Callable[..., WarmContainer]


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the container has its temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def start_warm(state: StubState, start_container: StartContainer, temporary: Path) -> StartWarm:
    def start(
        source: str | None,
        *,
        isolation: str = "fork",
        grace: float = 20.0,
        import_limit_seconds: float | None = None,
        **variables: str,
    ) -> WarmContainer:
        state.warm.import_limit_seconds = import_limit_seconds
        own = {
            "CONTROL_PLANE_CONTAINER_ID": "con-1",
            "CONTROL_PLANE_REUSE": json.dumps({"idle_seconds": 60, "isolation": isolation}),
            "CONTROL_PLANE_STOP_GRACE_SECONDS": str(grace),
            "MULTINODE_API_KEY": state.warm.key,
            "MULTINODE_INVOCATION_ID": "",
            "MULTINODE_EXECUTION_ID": "",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(temporary),
        }
        return WarmContainer(start_container(source, **own | variables))

    return start
