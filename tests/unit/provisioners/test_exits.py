"""However oddly a container has ended, it is said in a line, on every provisioner: whoever waits for it goes on."""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.provisioners.docker import exits as docker_exits
from control_plane_server.provisioners.ecs import statuses
from control_plane_server.provisioners.process.container_folders import ContainerFolder, ExitRecord
from control_plane_server.provisioners.process.exits import exit_of

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import TaskTypeDef

CODES = st.integers(-(2**31), 2**32) | st.integers(120, 260) | st.none()


def in_process(folder: Path, content: bytes) -> ContainerExit | None:
    (folder / "exit").write_bytes(content)
    return exit_of(ContainerFolder(folder))


@given(code=CODES, signal=CODES, was_stopped=st.booleans())
def test_as_a_process(
    tmp_path_factory: pytest.TempPathFactory, code: int | None, signal: int | None, was_stopped: bool
) -> None:
    record = {"exit_code": code, "signal": signal, "was_stopped": was_stopped}
    ended = in_process(tmp_path_factory.mktemp("container"), json.dumps(record).encode())
    assert ended is not None
    assert ended.cause is (ExitCause.STOPPED if was_stopped else ExitCause.EXITED)
    assert ended.reason


def test_a_supervisor_that_met_a_name_which_is_no_text(tmp_path: Path) -> None:
    folder = ContainerFolder(tmp_path)
    folder.record_exit(ExitRecord(error="The image cannot be copied: 'caf\udce9'"))
    ended = exit_of(folder)
    assert ended is not None
    assert ended.reason == "The image cannot be copied: 'caf\udce9'"


@pytest.mark.parametrize(
    ("record", "cause"),
    [
        (ExitRecord(signal=signal.SIGKILL), ExitCause.LOST),  # killed a moment before its supervisor
        (ExitRecord(signal=signal.SIGKILL, was_stopped=True), ExitCause.STOPPED),
        (ExitRecord(signal=signal.SIGSEGV), ExitCause.EXITED),
        (ExitRecord(exit_code=1), ExitCause.EXITED),
    ],
)
def test_one_that_was_killed_as_the_stack_stopped_is_lost(tmp_path: Path, record: ExitRecord, cause: ExitCause) -> None:
    folder = ContainerFolder(tmp_path)
    folder.note_interruption()
    folder.record_exit(record)
    ended = exit_of(folder)
    assert ended is not None
    assert ended.cause is cause


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"null", b"[]", b'{"exit_code": ', b'{"something": "new"}'])
def test_a_record_that_a_power_failure_left_is_none(tmp_path: Path, content: bytes) -> None:
    ended = in_process(tmp_path, content)
    assert ended is not None
    assert ended.cause is ExitCause.LOST


@given(code=st.integers(-(2**31), 2**32), was_stopped=st.booleans(), was_killed_for_memory=st.booleans())
def test_in_an_engine(code: int, was_stopped: bool, was_killed_for_memory: bool) -> None:
    container = {
        "State": {
            "Status": "exited",
            "ExitCode": code,
            "OOMKilled": was_killed_for_memory,
            "FinishedAt": "2026-01-01T00:00:00.123456789Z",
        },
        "HostConfig": {"Memory": 1 << 29},
    }
    assert docker_exits.exit_of(container, was_stopped=was_stopped, engine_start=None).reason


@given(code=CODES, reason=st.text(), container_reason=st.none() | st.text())
def test_on_ecs(code: int | None, reason: str, container_reason: str | None) -> None:
    container = {"name": "main", "exitCode": code, "reason": container_reason}
    task = {
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": reason,
        "containers": [{key: value for key, value in container.items() if value is not None}],
    }
    ended = statuses.exit_of(cast("TaskTypeDef", task))
    assert ended is not None
    assert ended.reason
