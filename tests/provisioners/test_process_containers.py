"""Containers as processes: what they get, how they end, how they are stopped."""

import asyncio
import json
import os
import shutil
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from control_plane.machine.processes import process_of

from control_plane_server.domain.containers import (
    Container,
    ContainerExit,
    ContainerName,
    ContainerRequest,
    ExitCause,
    LogStart,
)
from control_plane_server.domain.entities import ContainerDetails, ContainerType
from control_plane_server.domain.errors import Unavailable
from control_plane_server.provisioners.process.all_containers import (
    interrupt_all_containers,
    kill_all_containers,
    live_container_names,
)
from control_plane_server.provisioners.process.container_folders import ContainerFolder, containers_root, folder_of
from control_plane_server.provisioners.process.memory_groups import can_limit_memory
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner
from tests.provisioners.conftest import TOKEN, container_request
from tests.sdk.api_stub import StubState

IGNORES_SIGTERM = ("sh", "-c", "trap '' TERM; echo ready; sleep 1000 & echo $!; while :; do sleep 1000; done")


async def launch(provisioner: ProcessProvisioner, request: ContainerRequest) -> Container:
    return Container(name=request.name, details=await provisioner.launch(request))


async def first_lines(provisioner: ProcessProvisioner, container: Container, count: int) -> tuple[str, ...]:
    async with asyncio.timeout(20):
        while True:
            page = await provisioner.read_logs(container.details, None, count)
            if len(page.lines) == count:
                return page.lines
            await asyncio.sleep(0.01)


def folder(data_dir: Path, container: Container) -> ContainerFolder:
    return folder_of(data_dir, container.details.identifier)


async def test_a_function_runs_with_its_token_and_no_secrets_of_ours(
    provisioner: ProcessProvisioner,
    state: StubState,
    image: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTROL_PLANE_API_KEY", "the-root-key")
    monkeypatch.setenv("POSTGRES_PASSWORD", "the-secret")
    source = "import os\ndef f(): return [dict(os.environ), os.getcwd(), os.listdir(os.environ['PYTHONPATH'])]"
    (image / "main.py").write_text(source)
    container = await launch(provisioner, container_request(image))
    ended = await provisioner.wait_for_exit(container)
    assert ended == ContainerExit(cause=ExitCause.EXITED, reason="exited without a result", exit_code=0)
    assert state.report is not None
    environment, directory, importable = json.loads(state.report["final_output"])
    assert environment["MULTINODE_API_KEY"] == TOKEN
    assert not {"the-root-key", "the-secret"} & set(environment.values())
    assert directory == str(folder(data_dir, container).work)
    assert importable == ["control_plane"]


@pytest.mark.parametrize("was_readable", [False, True])
async def test_others_on_the_machine_cannot_read_what_it_reads_and_writes(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path, was_readable: bool
) -> None:
    root = containers_root(data_dir)
    if was_readable:  # a release before has made it
        root.mkdir(parents=True)
        root.chmod(0o755)
    container = await launch(provisioner, container_request(image, command=("true",)))
    await provisioner.wait_for_exit(container)
    withdrawn = await provisioner.withdraw(container_request(image).name)
    assert withdrawn is None
    assert {path.stat().st_mode & 0o077 for path in (root, *root.iterdir())} == {0}


async def test_live_containers_are_those_that_run_now(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path
) -> None:
    assert (await provisioner.list_live_containers()).containers == ()
    running = await launch(provisioner, container_request(image, command=("sleep", "1000")))
    ended = await launch(provisioner, container_request(image, command=("true",)))
    await provisioner.wait_for_exit(ended)
    await provisioner.withdraw(container_request(image).name)
    assert (await provisioner.list_live_containers()).containers == (running,)


async def test_the_working_copy_goes_and_the_log_stays(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path
) -> None:
    container = await launch(provisioner, container_request(image, command=("sh", "-c", "echo kept; pwd >&2; exit 0")))
    await provisioner.wait_for_exit(container)
    page = await provisioner.read_logs(container.details, None, 10)
    # A command's stdout passes through our program, its stderr does not: either may come first.
    expected = {"kept": "stdout", str(folder(data_dir, container).work): "stderr"}
    assert {entry.line: entry.stream for entry in page.entries} == expected
    now = time.time() * 1_000
    assert all(now - 60_000 < (entry.time_ms or 0) <= now for entry in page.entries)
    last = await provisioner.read_logs(container.details, None, 10, start=LogStart(tail=1))
    assert last.entries == page.entries[1:]
    async with asyncio.timeout(10):
        while folder(data_dir, container).work.exists():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(): 1 / 0", ContainerExit(cause=ExitCause.EXITED, reason="exit code 1", exit_code=1)),
        ("import os\ndef f(): os._exit(7)", ContainerExit(cause=ExitCause.EXITED, reason="exit code 7", exit_code=7)),
        (
            "import os\ndef f(): os.kill(os.getpid(), 9)",
            ContainerExit(cause=ExitCause.EXITED, reason="killed by SIGKILL"),
        ),
        (
            "import os\ndef f(): os.kill(os.getpid(), 11)",
            ContainerExit(cause=ExitCause.EXITED, reason="killed by SIGSEGV"),
        ),
    ],
)
async def test_why_it_ended(provisioner: ProcessProvisioner, image: Path, source: str, expected: ContainerExit) -> None:
    (image / "main.py").write_text(source)
    assert await provisioner.wait_for_exit(await launch(provisioner, container_request(image))) == expected


async def test_more_memory_than_it_has(provisioner: ProcessProvisioner, image: Path, data_dir: Path) -> None:
    (image / "main.py").write_text("def f(): return len(bytearray(2 << 30)) // 1024")
    is_limited = can_limit_memory()
    container = await launch(provisioner, container_request(image))
    ended = await provisioner.wait_for_exit(container)
    group = folder(data_dir, container).memory_group()
    if is_limited:  # a machine may not allow it: then it runs without a limit
        assert ended.reason == "killed for using more than its memory (1024 MiB)"
        assert group is not None
        assert not group.folder.exists()
    else:
        assert ended.exit_code == 0


async def test_memory_groups_of_killed_supervisors_go_with_their_folders(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path
) -> None:
    container = await launch(provisioner, container_request(image, command=("sleep", "1000")))
    await kill_all_containers(data_dir)
    await provisioner.wait_for_exit(container)
    group = folder(data_dir, container).memory_group()
    await provisioner.forget([container.name])
    assert group is None or not group.folder.exists()


async def test_an_image_that_vanished(provisioner: ProcessProvisioner, image: Path) -> None:
    request = container_request(image)
    shutil.rmtree(image)
    ended = await provisioner.wait_for_exit(await launch(provisioner, request))
    assert ended.cause is ExitCause.EXITED
    assert ended.reason.startswith(f"The image {image} is no longer there; deploy")


async def test_the_images_own_python_is_used(provisioner: ProcessProvisioner, image: Path) -> None:
    python = image / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "own python: $*"; ls -A\n')
    python.chmod(0o755)
    (image / "main.py").touch()
    container = await launch(provisioner, container_request(image))
    await provisioner.wait_for_exit(container)
    called, *files = (await provisioner.read_logs(container.details, None, 10)).lines
    assert called.startswith("own python: ")
    assert called.endswith("/control_plane/__main__.py")
    assert files == ["main.py"]


async def test_stop_is_a_sigterm(provisioner: ProcessProvisioner, state: StubState, image: Path) -> None:
    (image / "main.py").write_text("import time\ndef f():\n    print('ready')\n    time.sleep(1000)")
    container = await launch(provisioner, container_request(image))
    await first_lines(provisioner, container, 1)
    await provisioner.stop(container)
    ended = await provisioner.wait_for_exit(container)
    assert (ended.cause, ended.exit_code) == (ExitCause.STOPPED, 143)
    assert state.report is not None
    assert state.report["outcome"] == "ABORTED"
    await provisioner.stop(container)


async def test_after_the_grace_period_everything_is_killed(data_dir: Path, api_url: str, image: Path) -> None:
    provisioner = ProcessProvisioner(data_dir=data_dir, api_url=api_url, stop_grace=timedelta(seconds=0.5))
    container = await launch(provisioner, container_request(image, command=IGNORES_SIGTERM))
    _, grandchild = await first_lines(provisioner, container, 2)
    await provisioner.stop(container)
    ended = await provisioner.wait_for_exit(container)
    assert (ended.cause, ended.exit_code) == (ExitCause.STOPPED, None)
    assert ended.reason == "killed after the grace period: it was told to stop and did not end"
    assert process_of(int(grandchild)) is None


async def test_what_a_container_leaves_running_is_killed(provisioner: ProcessProvisioner, image: Path) -> None:
    container = await launch(
        provisioner, container_request(image, command=("sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"))
    )
    await provisioner.wait_for_exit(container)
    (left,) = (await provisioner.read_logs(container.details, None, 10)).lines
    assert process_of(int(left)) is None


async def test_daemons_of_a_container_do_not_hold_up_its_end(
    provisioner: ProcessProvisioner, state: StubState, image: Path, data_dir: Path
) -> None:
    (image / "main.py").write_text(
        "import subprocess\n"
        "def f():\n"
        "    daemons = (['yes'], ['sleep', '1000'])\n"
        "    return [subprocess.Popen(daemon, start_new_session=True).pid for daemon in daemons]\n"
    )
    is_limited = can_limit_memory()
    container = await launch(provisioner, container_request(image))
    async with asyncio.timeout(30):
        ended = await provisioner.wait_for_exit(container)
    assert ended.exit_code == 0
    assert state.report is not None
    talkative, silent = json.loads(state.report["final_output"])
    async with asyncio.timeout(10):
        while process_of(talkative) is not None:  # its log is closed
            await asyncio.sleep(0.01)
    group = folder(data_dir, container).memory_group()
    if is_limited:
        assert group is not None
        assert not group.folder.exists()
        assert process_of(silent) is None
    else:
        os.kill(silent, signal.SIGKILL)


async def test_a_name_that_was_never_launched(provisioner: ProcessProvisioner, image: Path) -> None:
    container = await launch(provisioner, container_request(image))
    unknown = Container(
        name=ContainerName(execution_id=container.name.execution_id, launch=2),
        details=type(container.details)(
            type=container.details.type, identifier="unknown-2", logs_identifier="unknown-2"
        ),
    )
    await provisioner.stop(unknown)
    assert (await provisioner.wait_for_exit(unknown)).cause is ExitCause.LOST


async def test_a_withdrawn_name_starts_nothing(provisioner: ProcessProvisioner, image: Path, data_dir: Path) -> None:
    request = container_request(image)
    assert await provisioner.withdraw(request.name) is None
    with pytest.raises(Unavailable):
        await provisioner.launch(request)
    assert await provisioner.withdraw(request.name) is None
    assert len(live_container_names(data_dir)) == 0


async def test_a_name_that_is_taken_stays_taken(provisioner: ProcessProvisioner, image: Path, data_dir: Path) -> None:
    container = await launch(provisioner, container_request(image, command=("sleep", "1000")))
    assert await provisioner.withdraw(container.name) == container.details
    assert len(live_container_names(data_dir)) == 1


async def test_a_killed_supervisor_takes_its_container_along(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path
) -> None:
    container = await launch(provisioner, container_request(image, command=IGNORES_SIGTERM))
    _, grandchild = await first_lines(provisioner, container, 2)
    supervisor = folder(data_dir, container).supervisor()
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    ended = await provisioner.wait_for_exit(container)
    assert ended == ContainerExit(cause=ExitCause.EXITED, reason="killed together with its supervisor")
    assert process_of(int(grandchild)) is None
    assert not folder(data_dir, container).work.exists()
    assert (
        await provisioner.launch(container_request(image, execution_id=container.name.execution_id))
        == container.details
    )


async def test_a_container_of_an_earlier_boot_is_lost(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path
) -> None:
    container = await launch(provisioner, container_request(image, command=("sleep", "1000")))
    pid_file = folder(data_dir, container).path / "pid"
    supervisor = folder(data_dir, container).supervisor()
    assert supervisor is not None
    await kill_all_containers(data_dir)
    pid_file.write_text(pid_file.read_text().replace(supervisor.boot, "another-boot"))
    assert (await provisioner.wait_for_exit(container)).cause is ExitCause.LOST


async def test_cancelling_the_wait_leaves_the_container_alone(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path
) -> None:
    container = await launch(provisioner, container_request(image, command=("sleep", "1000")))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(provisioner.wait_for_exit(container), 0.3)
    assert len(live_container_names(data_dir)) == 1


async def test_all_containers_are_interrupted_together_and_none_has_failed(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path
) -> None:
    assert await interrupt_all_containers(data_dir) == 0
    containers = [await launch(provisioner, container_request(image, command=("sleep", "1000"))) for _ in range(3)]
    assert await interrupt_all_containers(data_dir) == 3
    assert len(live_container_names(data_dir)) == 0
    exits = {await provisioner.wait_for_exit(container) for container in containers}
    assert exits == {ContainerExit(cause=ExitCause.LOST, reason="The stack was stopped")}


async def test_one_that_cannot_be_noted_as_interrupted_is_killed_with_the_others(
    provisioner: ProcessProvisioner, image: Path, data_dir: Path
) -> None:
    containers = [await launch(provisioner, container_request(image, command=("sleep", "1000"))) for _ in range(2)]
    (folder(data_dir, containers[0]).path / "interrupted").symlink_to("missing/file")  # as on a full disk
    assert await interrupt_all_containers(data_dir) == 2
    assert len(live_container_names(data_dir)) == 0
    exits = [(await provisioner.wait_for_exit(container)).cause for container in containers]
    assert exits == [ExitCause.EXITED, ExitCause.LOST]


async def test_a_signal_without_a_name_is_told_by_its_number(provisioner: ProcessProvisioner, image: Path) -> None:
    (image / "main.py").write_text("import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGRTMIN + 1)\n")
    container = await launch(provisioner, container_request(image))
    async with asyncio.timeout(20):
        ended = await provisioner.wait_for_exit(container)
    assert (ended.cause, ended.reason) == (ExitCause.EXITED, f"killed by signal {signal.SIGRTMIN + 1}")


@pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"pid": 1}', '"text"'])
async def test_a_container_whose_records_cannot_be_read_spoils_no_other(
    provisioner: ProcessProvisioner, data_dir: Path, image: Path, rubbish: str
) -> None:
    """As after a power failure."""
    broken = container_request(image).name
    where = folder_of(data_dir, str(broken)).path
    where.mkdir(parents=True)
    for name in ("pid", "exit"):
        (where / name).write_text(rubbish)
    container = await launch(provisioner, container_request(image, command=("true",)))
    details = ContainerDetails(type=ContainerType.TEST, identifier=str(broken), logs_identifier=str(broken))
    async with asyncio.timeout(20):
        lost, ended = await asyncio.gather(
            provisioner.wait_for_exit(Container(name=broken, details=details)), provisioner.wait_for_exit(container)
        )
    assert (lost.cause, ended.exit_code) == (ExitCause.LOST, 0)
    assert live_container_names(data_dir) == []
