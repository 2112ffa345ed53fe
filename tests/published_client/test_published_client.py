"""The published SDK, command line and worker speak to us unchanged."""

from pathlib import Path

from tests.e2e.project import Project
from tests.published_client.conftest import PublishedClient


async def test_a_call_returns_what_the_function_returned(client: PublishedClient, project: Project) -> None:
    answer = await client.call(project.name, "add", 1, 2)
    assert (answer["result"], answer["status"], answer["listed"]) == (3, "SUCCEEDED", True)


async def test_a_generator_keeps_its_last_value(client: PublishedClient, project: Project) -> None:
    assert (await client.call(project.name, "count", 3))["result"] == {"step": 2}


async def test_a_failing_function_is_tried_again(client: PublishedClient, project: Project, tmp_path: Path) -> None:
    answer = await client.call(project.name, "fail_at_first", str(tmp_path / "notes"))
    assert (answer["result"], answer["status"]) == (2, "SUCCEEDED")


async def test_a_function_that_fails_for_good_raises(client: PublishedClient, project: Project) -> None:
    answer = await client.call(project.name, "fail")
    assert (answer["error"], answer["status"]) == ("ValueError: always", "FAILED")


async def test_a_function_calls_another_with_its_executions_key(client: PublishedClient, project: Project) -> None:
    assert (await client.call(project.name, "add_remotely", 20, 22))["result"] == 42


async def test_the_command_line_lists_and_describes(client: PublishedClient, project: Project) -> None:
    answer = await client.call(project.name, "add", 4, 5)
    assert project.name in await client.run("multinode", "list")
    of_project = ("multinode", "describe", "--project-name", project.name)
    assert "add_remotely" in await client.run(*of_project)
    of_function = (*of_project, "--function-name", "add")
    assert answer["invocation_id"] in await client.run(*of_function)
    of_invocation = await client.run(*of_function, "--invocation-id", answer["invocation_id"])
    assert "SUCCEEDED" in of_invocation


async def test_the_command_line_shows_logs(client: PublishedClient, project: Project) -> None:
    answer = await client.call(project.name, "add", 6, 7)
    invocation = await project.ended("add", answer["invocation_id"])  # its last lines may come after its result
    said = await client.run(
        *("multinode", "logs", "--project-name", project.name, "--function-name", "add"),
        *("--invocation-id", answer["invocation_id"]),
        *("--execution-id", invocation["executions"][0]["execution_id"]),
    )
    assert said == "adding 6 and 7\n"
