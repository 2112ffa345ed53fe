"""What an image that is built for the control plane is called, and for which CPU it is."""

import re
from typing import Any

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.deployment.built_images import ensure_legal, is_tag_of, platform_for, tag_of

ID = "0123456789ab"
LEGAL_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
ODD = ["-gypten", "Ägypten", ".hidden", "..", "größe", "my project", "函数", "-", "a" * 63 + "ä", "ä" * 64]


@pytest.mark.parametrize("project", ["p", "my-project", "a_b.c", "9", "_", "a" * 64])
def test_a_project_that_a_tag_can_name_is_in_it_as_it_is(project: str) -> None:
    tag = tag_of(project, ID)
    assert tag == f"{project}-{ID}"
    assert LEGAL_TAG.fullmatch(tag)


@pytest.mark.parametrize("project", ODD)
def test_any_other_has_a_legal_tag_too(project: str) -> None:
    assert LEGAL_TAG.fullmatch(tag_of(project, ID))


def test_no_two_projects_share_a_tag() -> None:
    projects = [*ODD, "gypten", "gr-e", "gr--e", "my-project", "hidden", "project", "a" * 63 + "-"]
    assert len({tag_of(project, ID) for project in projects}) == len(projects)


def test_a_projects_tags_are_known_again_and_no_others() -> None:
    projects = [*ODD, "p", "p-0123456789ab", "my-project"]
    for project in projects:
        assert [other for other in projects if is_tag_of(project, tag_of(other, ID))] == [project]
    assert not any(
        is_tag_of("p", tag) for tag in ("p", "p-latest", "p-0123456789AB", "q-0123456789ab", "-0123456789ab", "")
    )


def test_a_name_that_ecs_does_not_take_is_refused() -> None:
    ensure_legal("a" * 255)
    with pytest.raises(CannotBeDone, match="has 256 characters, of which ECS takes 255"):
        ensure_legal("a" * 256)


def _function(architecture: str | None = None, **fields: Any) -> dict[str, Any]:
    return {**({} if architecture is None else {"platform": {"cpu_architecture": architecture}}), **fields}


@pytest.mark.parametrize(
    ("functions", "default", "platform"),
    [
        ([_function()], "linux/amd64", "linux/amd64"),
        ([_function()], "linux/arm64", "linux/arm64"),
        ([_function()], None, None),
        ([], "linux/amd64", "linux/amd64"),
        ([_function("ARM64"), _function("ARM64")], "linux/amd64", "linux/arm64"),
        ([_function("X86_64"), _function()], "linux/amd64", "linux/amd64"),
        ([_function("ARM64"), _function()], None, "linux/arm64"),
        ([_function("ARM64", docker_image_override="other:1"), _function()], "linux/amd64", "linux/amd64"),
        ([_function("ARM64", docker_image_override="other:1")], "linux/amd64", "linux/amd64"),
    ],
)
def test_it_is_for_what_runs_it(functions: list[dict[str, Any]], default: str | None, platform: str | None) -> None:
    assert platform_for(functions, default) == platform


def test_one_image_is_for_one_cpu() -> None:
    with pytest.raises(CannotBeDone, match="linux/amd64 and for linux/arm64"):
        platform_for([_function("ARM64"), _function()], "linux/amd64")
