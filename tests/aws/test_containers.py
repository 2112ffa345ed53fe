"""Containers that are real processes."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from control_plane.machine.processes import process_of

from tests.aws.client import AwsClient
from tests.sdk.api_stub import StubState, serving

_SHOW_ENVIRONMENT = "import json, os\nprint(json.dumps(dict(os.environ)))\n"
_WAIT_FOR_SIGTERM = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
signal.pause()
"""
_IGNORE_SIGTERM = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
print(child.pid, flush=True)
time.sleep(600)
"""
_TAKE_MEMORY = "import time\nhoard = b'x' * (600 << 20)\ntime.sleep(600)\n"


async def _run(aws: AwsClient, folder: Path, program: str, **container: Any) -> str:
    (folder / "program.py").write_text(program)
    command = ["python", "program.py"]
    return await aws.run(await aws.register_folder(folder, command=command, **container))


async def _first_line(aws: AwsClient, arn: str) -> str:
    await aws.control.wait_for_process(arn)
    async with asyncio.timeout(20):
        while not (lines := await aws.lines(arn)):
            await asyncio.sleep(0.1)
    return lines[0]


async def test_the_environment_is_the_tasks_and_nothing_of_ours(aws: AwsClient, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_SHOW_ENVIRONMENT)
    environment = [{"name": "COLOUR", "value": "red"}, {"name": "SIZE", "value": "1"}]
    definition = await aws.register_folder(tmp_path, command=["python", "program.py"], environment=environment)
    override = {"name": "main", "environment": [{"name": "SIZE", "value": "2"}]}
    arn = await aws.run(definition, overrides={"containerOverrides": [override]})
    await aws.stopped(arn)
    shown = json.loads((await aws.lines(arn))[0])
    assert (shown.pop("COLOUR"), shown.pop("SIZE")) == ("red", "2")
    assert set(shown) <= {"PATH", "HOME", "LANG", "LC_CTYPE", "PYTHONPATH"}


async def test_an_overridden_command(aws: AwsClient, tmp_path: Path) -> None:
    definition = await aws.register_folder(tmp_path, entryPoint=["echo"], command=["one"])
    overrides = {"containerOverrides": [{"name": "main", "command": ["two", "three"]}]}
    arn = await aws.run(definition, overrides=overrides)
    assert (await aws.stopped(arn))["containers"][0]["exitCode"] == 0
    assert await aws.lines(arn) == ["two three"]


async def test_a_command_that_does_not_exist(aws: AwsClient, tmp_path: Path) -> None:
    arn = await aws.run(await aws.register_folder(tmp_path, command=["no-such-program"]))
    task = await aws.stopped(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotStartContainerError: ")
    assert "exitCode" not in task["containers"][0]


@pytest.mark.parametrize(
    ("program", "exit_code"),
    [("import sys; sys.exit(5)", 5), ("import os; os.kill(os.getpid(), 11)", 139), ("raise ValueError('oh')", 1)],
)
async def test_exit_codes(aws: AwsClient, tmp_path: Path, program: str, exit_code: int) -> None:
    task = await aws.stopped(await _run(aws, tmp_path, program))
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["containers"][0]["exitCode"] == exit_code
    assert "reason" not in task["containers"][0]


async def test_a_container_has_a_file_system_of_its_own(aws: AwsClient, tmp_path: Path) -> None:
    arn = await _run(aws, tmp_path, "open('left', 'w').close(); print(sorted(__import__('os').listdir()))")
    await aws.stopped(arn)
    assert await aws.lines(arn) == ["['left', 'program.py']"]
    assert os.listdir(tmp_path) == ["program.py"]


async def test_sigterm(aws: AwsClient, tmp_path: Path) -> None:
    arn = await _run(aws, tmp_path, _WAIT_FOR_SIGTERM)
    assert await _first_line(aws, arn) == "ready"
    await aws.stop(arn)
    task = await aws.stopped(arn)
    assert task["stopCode"] == "UserInitiated"
    assert task["containers"][0]["exitCode"] == 7


@pytest.mark.parametrize(("has_init", "exit_code"), [(False, 137), (True, 143)])
async def test_sigterm_ends_process_1_only_if_it_has_a_handler(
    aws: AwsClient, tmp_path: Path, has_init: bool, exit_code: int
) -> None:
    await aws.control.set(stop_timeout_scale=0.1)
    program = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"
    arn = await _run(aws, tmp_path, program, stopTimeout=2, linuxParameters={"initProcessEnabled": has_init})
    await _first_line(aws, arn)
    await aws.stop(arn)
    assert (await aws.stopped(arn))["containers"][0]["exitCode"] == exit_code


async def test_lines_that_python_holds_back_are_lost_with_it(aws: AwsClient, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = f"import pathlib, time\nprint('lost')\npathlib.Path({str(ready)!r}).touch()\ntime.sleep(600)\n"
    arn = await _run(aws, tmp_path, program)
    async with asyncio.timeout(20):
        while not ready.exists():
            await asyncio.sleep(0.02)
    await aws.control.lose_host(arn)
    await aws.stopped(arn)
    assert await aws.lines(arn) == []


async def test_sigkill_for_all_of_the_container_after_the_stop_timeout(aws: AwsClient, tmp_path: Path) -> None:
    await aws.control.set(stop_timeout_scale=0.1)
    arn = await _run(aws, tmp_path, _IGNORE_SIGTERM, stopTimeout=3)
    child = int(await _first_line(aws, arn))
    assert process_of(child) is not None
    await aws.stop(arn)
    task = await aws.stopped(arn)
    assert task["containers"][0]["exitCode"] == 137
    assert (task["executionStoppedAt"] - task["stoppingAt"]).total_seconds() >= 0.3
    assert process_of(child) is None


async def test_a_container_that_outlasts_the_spot_notice(aws: AwsClient, tmp_path: Path) -> None:
    await aws.control.set(spot_notice_seconds=0.2)
    arn = await _run(aws, tmp_path, _IGNORE_SIGTERM)
    await _first_line(aws, arn)
    await aws.control.interrupt_spot(arn)
    warned = await aws.described(arn)
    assert (warned["lastStatus"], warned["desiredStatus"]) == ("RUNNING", "STOPPED")
    task = await aws.stopped(arn)
    assert task["stopCode"] == "SpotInterruption"
    assert task["containers"][0]["exitCode"] == 137


async def test_too_much_memory(aws: AwsClient, tmp_path: Path) -> None:
    await aws.control.set(memory_check_seconds=0.05)
    task = await aws.stopped(await _run(aws, tmp_path, _TAKE_MEMORY))  # it has 512 MiB
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["containers"][0]["exitCode"] == 137
    assert task["containers"][0]["reason"] == "OutOfMemoryError: Container killed due to memory usage"


async def test_a_vanished_tasks_container_is_gone(aws: AwsClient, tmp_path: Path) -> None:
    arn = await _run(aws, tmp_path, _WAIT_FOR_SIGTERM)
    pid = await aws.control.wait_for_process(arn)
    await aws.control.vanish(arn)
    assert process_of(pid) is None


async def test_an_images_own_program_runs_its_functions(aws: AwsClient, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def double(x):\n    print('doubling', x)\n    return 2 * x\n")
    state = StubState(input=json.dumps([21]))
    with serving(state) as url:
        definition = await aws.register_folder(tmp_path, environment=_container_environment(url, "double"))
        arn = await aws.run(definition)
        task = await aws.stopped(arn)
    assert task["containers"][0]["exitCode"] == 0
    assert state.report == {"outcome": "SUCCEEDED", "final_output": "42", "error_message": None}
    assert await aws.lines(arn) == ["doubling 21"]


async def test_the_simulated_container_answers(aws: AwsClient) -> None:
    state = StubState()
    state.faults.unavailable["PUT /start"] = 1
    state.faults.lost["PUT /finish"] = 1
    with serving(state) as url:
        definition = await aws.register("stand-in/answer", environment=_container_environment(url, "f"))
        task = await aws.stopped(await aws.run(definition))
    assert task["containers"][0]["exitCode"] == 0
    assert state.starts == ["exe-1"]
    assert state.report == {"outcome": "SUCCEEDED", "final_output": '"answer"', "error_message": None}


async def test_the_simulated_container_is_aborted(aws: AwsClient) -> None:
    await aws.control.set(answer_seconds=3_600)
    state = StubState()
    with serving(state) as url:
        definition = await aws.register("stand-in/answer", environment=_container_environment(url, "f"))
        arn = await aws.running(definition)
        await asyncio.to_thread(state.wait_until, lambda: bool(state.starts))
        await aws.stop(arn)
        task = await aws.stopped(arn)
    assert task["containers"][0]["exitCode"] == 143
    assert state.report == {"outcome": "ABORTED", "final_output": None, "error_message": None}


def _container_environment(url: str, function: str) -> list[dict[str, str]]:
    variables = {
        "MULTINODE_PROJECT_NAME": "p",
        "MULTINODE_VERSION_ID": "ver-1",
        "MULTINODE_FUNCTION_NAME": function,
        "MULTINODE_INVOCATION_ID": "inv-1",
        "MULTINODE_EXECUTION_ID": "exe-1",
        "MULTINODE_API_URL": url,
        "MULTINODE_API_KEY": "key",
    }
    return [{"name": name, "value": value} for name, value in variables.items()]
