"""Names, offsets and sizes at and past each bound, in whatever script: accepted whole or refused."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from control_plane_server.domain import bounds
from tests.api.builders import bearer, definition, function_spec
from tests.hostile.conftest import KEY, Target

often = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_MAX_INT = "9" * 4_000  # Python reads no more digits than these at once; Postgres holds far fewer
anything = st.text(st.characters(codec="utf-8"), max_size=80)
numbers: SearchStrategy[Any] = st.integers() | st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63), 10**30])
offsets = anything | st.builds("{},{}".format, numbers, anything)


@pytest.fixture(scope="module")
def api(target: Target) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=target.url, headers=bearer(KEY), timeout=30, trust_env=False) as client:
        yield client


@often
@given(name=anything)
@example(name="x" * bounds.MAX_PROJECT_NAME_LENGTH)
@example(name="\U0001f600" * bounds.MAX_PROJECT_NAME_LENGTH)
@example(name="x" * (bounds.MAX_PROJECT_NAME_LENGTH + 1))
@example(name="a\u0301")  # and its composed form: another name
@example(name="\u00e1")
@example(name="%00")
@example(name="\u202e\ufeff\uffff")
def test_a_project_has_the_name_that_it_was_given(api: httpx2.Client, name: str) -> None:
    if name in ("", ".", ".."):  # no client sends a path with these
        return
    path = f"/projects/{quote(name, safe='')}"
    created = api.put(path)
    is_proper = all(character >= " " and not "\x7f" <= character <= "\x9f" and character != "/" for character in name)
    if "/" in name:
        assert created.status_code in (404, 405, 422, 307)
    elif not is_proper:
        assert created.status_code == 422
    elif len(name) > bounds.MAX_PROJECT_NAME_LENGTH:
        assert (created.status_code, created.json()) == (400, {"detail": "The project name is too long"})
    else:
        assert created.status_code in (200, 409)
        assert api.get(path).json()["project_name"] == name


@often
@given(offset=offsets)
@example(offset=f"{_MAX_INT},x")
@example(offset=f"-{_MAX_INT},x")
@example(offset=f"{_MAX_INT}9999,x")
@example(offset="1_0,x")
@example(offset="\u0661,x")
@example(offset=" 1 ,\x00")
def test_an_offset_is_valid_or_said_to_be_invalid(api: httpx2.Client, target: Target, offset: str) -> None:
    answer = api.get(target.deployed.invocations(), params={"initial_offset": offset})
    if answer.status_code == 400:
        assert answer.json() == {"detail": "The next offset is in an invalid format"}
    else:
        assert answer.status_code == 200, answer.text
        assert "," in offset


@often
@given(number=numbers | st.floats() | anything, name=st.sampled_from(["max_results", "wait_seconds", "max_lines"]))
@example(number=_MAX_INT, name="max_results")
@example(number=_MAX_INT + "9999", name="max_lines")
def test_a_number_is_in_its_bounds_or_refused(api: httpx2.Client, target: Target, number: object, name: str) -> None:
    paths = {
        "max_results": target.deployed.invocations(),
        "wait_seconds": target.executions[-1].partition("/executions")[0],  # it has an outcome: nobody waits
        "max_lines": f"{target.executions[0]}/logs",
    }
    assert api.get(paths[name], params={name: str(number)}).status_code in (200, 422)


def function_named(name: str) -> object:
    return definition(function_spec(name))


def slashed(text: str) -> str:
    """As long, in parts as long as a part of an image's name may be."""
    part = bounds.MAX_IMAGE_COMPONENT_LENGTH + 1
    return "".join("/" if place % part == 0 else character for place, character in enumerate(text, start=1))


def image(text: str) -> object:
    return definition(function_spec(), default_docker_image=slashed(text))


SIZES = {
    "function name": (bounds.MAX_FUNCTION_NAME_LENGTH, "POST", "versions", function_named),
    "image": (bounds.MAX_DOCKER_IMAGE_LENGTH, "POST", "versions", image),
    "image of a function": (
        bounds.MAX_DOCKER_IMAGE_LENGTH,
        "POST",
        "versions",
        lambda text: definition(function_spec(docker_image_override=slashed(text))),
    ),
    "input": (bounds.MAX_INPUT_LENGTH, "POST", "invocations", lambda text: {"input": text}),
    "latest output": (bounds.MAX_OUTPUT_LENGTH, "PUT", "update", lambda text: {"latest_output": text}),
    "final output": (
        bounds.MAX_OUTPUT_LENGTH,
        "PUT",
        "finish",
        lambda text: {"outcome": "SUCCEEDED", "final_output": text},
    ),
    "error message": (
        bounds.MAX_ERROR_MESSAGE_LENGTH,
        "PUT",
        "finish",
        lambda text: {"outcome": "FAILED", "error_message": text},
    ),
}


@pytest.mark.parametrize("character", ["a", "\u00e9", "\u6f22", "\U0001f600", '"'])
@pytest.mark.parametrize("what", SIZES)
def test_a_text_is_as_long_as_it_may_be_and_no_longer(
    api: httpx2.Client, target: Target, what: str, character: str
) -> None:
    longest, method, where, body = SIZES[what]
    paths = {
        "versions": f"/projects/{target.deployed.project}/versions",
        "invocations": target.deployed.invocations(),
        "update": f"{target.executions[1]}/update",
        "finish": f"{target.executions[2]}/finish",  # finished: a legal report is one too many
    }
    accepted = 409 if where == "finish" else 200
    for length, expected in ((longest, accepted), (longest + 1, 422)):
        for escaped in (True, False):
            content = json.dumps(body(character * length), ensure_ascii=escaped).encode()
            answer = api.request(method, paths[where], content=content)
            assert answer.status_code == expected, (length, answer.text[:300])
