"""What users call things."""

import pytest
from control_plane.access.errors import WrongUsage
from control_plane.cli.references import (
    Reference,
    is_invocation_id,
    names_version,
    parse,
    parse_called,
    parse_invocation,
    parse_whole_project,
)

_ID = "inv-" + 32 * "0"


@pytest.mark.parametrize("text", ["hello@latest", "hello@LATEST", "hello"])
def test_latest_is_what_is_meant_without_a_version(text: str) -> None:
    assert parse(text) == Reference(project="hello")
    assert parse(f"{text}/greet") == Reference(project="hello", function="greet")


def test_a_function_in_one_word_or_two() -> None:
    greet = Reference(project="hello", function="greet")
    assert parse_called("hello", "greet", verb="invoke") == (greet, None)
    assert parse_called("hello/greet", None, verb="invoke") == (greet, None)
    assert parse_called("hello/greet", "name=a/b", verb="invoke") == (greet, "name=a/b")
    pinned = Reference(project="hello", version="ver-1", function="greet")
    assert parse_called("hello@ver-1/greet", None, verb="invoke") == (pinned, None)
    with pytest.raises(WrongUsage, match="name the function, too: control-plane invoke hello FUNCTION"):
        parse_called("hello", None, verb="invoke")


@pytest.mark.parametrize("text", ["-", _ID, "inv-1a2b3c"])
def test_an_invocation_that_needs_no_project(text: str) -> None:
    assert parse_invocation(text) == text


@pytest.mark.parametrize("text", ["inv-1a2b3", "inv-", "inv-xyzxyz", "hello/greet", "/", "@latest"])
def test_what_is_no_invocation(text: str) -> None:
    assert not is_invocation_id(text)
    with pytest.raises(WrongUsage, match="must look like "):
        parse_invocation(text)


@pytest.mark.parametrize("text", ["hello@latest", "hello@LATEST", "hello@ver-0123456789abcdef0123456789abcdef"])
def test_a_version_is_no_project_with_all_its_versions(text: str) -> None:
    with pytest.raises(WrongUsage, match=r"undeploy takes a project with all .*: control-plane rollback hello$"):
        parse_whole_project(text, verb="undeploy")
    assert names_version(text)
    assert names_version(f"{text}/greet")
    assert not names_version("hello/greet@latest")
    assert parse_whole_project("hello", verb="undeploy") == "hello"
