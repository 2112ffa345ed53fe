"""Whose tasks are, for reports of what they cost."""

import re
from dataclasses import replace

import pytest

from control_plane_server.domain.identifiers import FunctionName, ProjectName
from control_plane_server.provisioners.ecs.tags import tag_value, tags_of
from tests.provisioners.ecs.builders import REF, configuration


def test_project_and_function_are_named_beside_what_an_operator_wants() -> None:
    chosen = replace(configuration(), tags={"team": "search", "control-plane:project": "all"})
    ref = replace(REF, project_name=ProjectName("p"), function_name=FunctionName("f"))
    assert {tag["key"]: tag["value"] for tag in tags_of(ref, chosen) if "key" in tag and "value" in tag} == {
        "control-plane:project": "all",
        "control-plane:function": "f",
        "team": "search",
    }


@pytest.mark.parametrize("name", ["summaries of everything", "größe", "a.b:c/d=e+f-g@h", "数 1", "x" * 256])
def test_a_name_that_aws_takes_is_the_tag(name: str) -> None:
    assert tag_value(name) == name


@pytest.mark.parametrize("name", ["10 %", "a,b", "x" * 257, "f" * 1_023, "😀", "tab\there", "\U0001d4b3"])
def test_another_is_shortened_and_replaced(name: str) -> None:
    value = tag_value(name)
    assert len(value) <= 256
    assert re.fullmatch(r"[\w .:/=+@-]*-[0-9a-f]{16}", value)


def test_names_that_look_the_same_have_tags_of_their_own() -> None:
    names = ["a,b", "a;b", "a_b", "x" * 300, "x" * 301]
    assert len({tag_value(name) for name in names}) == len(names)
