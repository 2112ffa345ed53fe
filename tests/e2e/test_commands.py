"""Functions that are programs which know nothing of us, on every platform."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.project import PROGRAMS, Json, Project, lines_of

FROM_FILE_TO_FILE = 'echo to the log; wc -c < "$CONTROL_PLANE_INPUT" | tr -d " \\n" > "$CONTROL_PLANE_OUTPUT"'


async def run(project: Project, *command: str, text: str = "", **execution_spec: Any) -> tuple[Json, list[str]]:
    """The last execution and the lines of its log."""
    await deploy(project, *command, **execution_spec)
    invocation_id = await project.invoke_with("command", text)
    invocation = await project.ended("command", invocation_id)
    return invocation["executions"][-1], await project.logs("command", invocation)


async def deploy(project: Project, *command: str, **execution_spec: Any) -> None:
    await project.deploy("command", folder=PROGRAMS, command=list(command), **execution_spec)


async def test_a_shell_script_reads_stdin_and_its_stdout_is_the_output(project: Project) -> None:
    execution, log = await run(project, "sh", "shout.sh", text="plain text, no JSON\n")
    assert (execution["outcome"], execution["output"]) == ("SUCCEEDED", "PLAIN TEXT, NO JSON\n")
    assert "to the log" in log


async def test_the_input_is_in_a_file_and_a_file_may_be_the_output(project: Project) -> None:
    execution, log = await run(project, "sh", "-c", FROM_FILE_TO_FILE, text="twelve bytes")
    assert (execution["outcome"], execution["output"]) == ("SUCCEEDED", "12")
    assert log == ["to the log"]


async def test_a_binary(project: Project) -> None:
    execution, _ = await run(project, "/usr/bin/sort", "-n", text="10\n9\n1\n")
    assert (execution["outcome"], execution["output"]) == ("SUCCEEDED", "1\n9\n10\n")


async def test_another_exit_code_than_0_is_a_failure_and_is_tried_again(project: Project, tmp_path: Path) -> None:
    script = f'cat >> {tmp_path}/tries; [ "$(wc -l < {tmp_path}/tries)" -ge 2 ] || exit 7'
    execution, _ = await run(project, "sh", "-c", script, text="try\n", max_retries=2)
    assert execution["outcome"] == "SUCCEEDED"
    assert len(await lines_of(tmp_path / "tries")) == 2
    execution, _ = await run(project, "sh", "-c", "exit 7")
    assert (execution["outcome"], execution["error_message"]) == ("FAILED", "exit code 7")


async def test_a_cancellation_is_a_sigterm_of_which_the_command_may_make_something(
    project: Project, tmp_path: Path
) -> None:
    script = (
        f"trap 'echo stopped >> {tmp_path}/notes; exit 0' TERM; echo runs >> {tmp_path}/notes; "
        "while :; do sleep 0.05; done"
    )
    await deploy(project, "sh", "-c", script)
    invocation_id = await project.invoke_with("command", "")
    await lines_of(tmp_path / "notes")
    await project.cancel("command", invocation_id)
    invocation = await project.ended("command", invocation_id)
    (execution,) = invocation["executions"]
    assert execution["outcome"] == "ABORTED"
    assert await lines_of(tmp_path / "notes", at_least=2) == ["runs", "stopped"]


@pytest.mark.platforms("ecs")
async def test_on_ecs_the_image_needs_no_code_of_ours(project: Project) -> None:
    execution, log = await run(project, "ls")
    assert execution["outcome"] == "SUCCEEDED"
    assert log == ["shout.sh"]
