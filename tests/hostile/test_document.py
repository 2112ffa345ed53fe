"""Requests made from the OpenAPI document, some fourteen hundred, legal and illegal: no answer is a 5xx.

HOSTILE_CASES=100000 tries more of them.
"""

import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.app import describe_app
from tests.figures import Show
from tests.hostile.conftest import KEY, Target

CASES = int(os.environ.get("HOSTILE_CASES", "1400"))
# An operation has the name of its route. The document itself, and what draws from it, are for the one process of a run
# that sends requests: all of them import this.
OPERATIONS = [route.name for route in describe_app().routes if isinstance(route, APIRoute) and route.include_in_schema]
MODES = ("positive", "negative")
# Of which there is one legal request only, or which would take away what the others need.
_FEW = ("health_check", "health_ready", "list_projects", "get_container_repository_credentials", "get_image_folder")
_DESTRUCTIVE = ("delete_project",)
_WITHOUT_INPUT = ("health_check", "health_ready")  # there is nothing to do wrong
_WAITING = ("get_invocation", "get_invocation_by_id", "follow_invocation", "follow_invocation_by_id")
_PARAMETERS = ("project_name", "version_ref_str", "function_name", "invocation_id", "execution_id")
_NOT_CONFIGURED = (("get_container_repository_credentials", 501), ("delete_project_images", 501))
_EXAMPLES = -(-CASES // (2 * (len(OPERATIONS) - len(_FEW))))
_answers: Counter[int] = Counter()


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(operation, mode, id=f"{operation}-{mode}")
        for operation in OPERATIONS
        for mode in MODES
        if operation not in _WITHOUT_INPUT or mode == "positive"
    ],
)
def test_no_request_is_too_much(target: Target, operation: str, mode: str) -> None:
    import requests

    # Who waits for an invocation that does not end waits as long as it is allowed, or for ever.
    known = _places(target.executions[-1:] if operation in _WAITING else target.executions)
    session = requests.Session()
    session.trust_env = False

    @settings(
        max_examples=20 if operation in _FEW else _EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # what fails is shown as it was found
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=_cases(operation, mode),
        place=st.sampled_from([None, *known]),
        has_key=st.sampled_from([True] * 9 + [False]),
    )
    def ask(case: Any, place: dict[str, str] | None, has_key: bool) -> None:
        if place is not None and operation not in _DESTRUCTIVE:
            case.path_parameters = {name: place.get(name, value) for name, value in case.path_parameters.items()}
        if has_key:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {KEY}"}
        response = case.call(base_url=target.url, session=session, timeout=30)
        _answers[response.status_code] += 1
        if (operation, response.status_code) not in _NOT_CONFIGURED:
            assert response.status_code < 500, f"{case.as_curl_command()}\n{response.status_code} {response.text}"

    try:
        ask()
    finally:
        session.close()


@cache
def _drawn() -> dict[str, Any]:
    """By the name of an operation, what draws requests of it."""
    import schemathesis
    from schemathesis.core.result import Ok

    document = schemathesis.openapi.from_dict(describe_app().openapi())
    operations = (result.ok() for result in document.get_all_operations() if isinstance(result, Ok))
    return {operation.definition.raw["operationId"]: operation for operation in operations}


def _cases(operation: str, mode: str) -> st.SearchStrategy[Any]:
    from schemathesis import GenerationMode

    strategy: st.SearchStrategy[Any] = _drawn()[operation].as_strategy(generation_mode=GenerationMode(mode))
    return strategy


def _places(executions: Sequence[str]) -> list[dict[str, str]]:
    """Path parameters of what exists, so that requests come further than to a 404."""
    return [
        dict(zip(_PARAMETERS, place, strict=True))
        for _, _, project, _, version, _, *rest in (execution.split("/") for execution in executions)
        for place in ((project, version, *rest[::2]), (project, "latest", *rest[::2]))
    ]


def test_every_operation_of_the_document_is_asked() -> None:
    assert set(OPERATIONS) == set(_drawn())


def test_so_many_cases_were_tried(target: Target, show: Show) -> None:
    """Of the whole file, as the tests above are run."""
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(_answers.items()))
    show(f"hostile requests: {_answers.total()} cases from the OpenAPI document; answers {statuses}")
    assert _answers.total() >= 0.95 * CASES
    assert _answers[200] > CASES / 10  # they came as far as to be carried out
    assert "Traceback" not in target.log.read_text()
