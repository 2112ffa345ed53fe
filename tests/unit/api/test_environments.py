"""What a function may have in its environment, and what is said about what it may not have."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.problems import HIDDEN, presentable_problems
from api.schemas.functions import FunctionInfoForVersion, FunctionSpec
from control_plane_server.domain import bounds
from tests.api.builders import function_spec

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:billing-AbCdEf"
ABOUT_THE_PROGRAM = "would change how the program in the container starts; set it in the image instead"


def read(**fields: Any) -> FunctionSpec:
    return FunctionSpec.model_validate(function_spec(**fields))


def problems(**fields: Any) -> list[dict[str, Any]]:
    with pytest.raises(ValidationError) as caught:
        read(**fields)
    return presentable_problems(caught.value.errors())


def test_names_and_references() -> None:
    parameter = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/billing/url"
    secrets = {"DATABASE_URL": "billing-db", "_x": "A.b-1", "TOKEN": ARN, "URL": parameter}
    spec = read(environment={"MODE": "fast", "lower_1": "", "TEXT": "ä\n= $x"}, secrets=secrets).to_domain("image")
    assert dict(spec.environment) == {"MODE": "fast", "lower_1": "", "TEXT": "ä\n= $x"}
    assert dict(spec.secrets) == secrets
    assert dict(read().to_domain("image").environment) == dict(read().to_domain("image").secrets) == {}
    assert {"environment", "secrets"} <= set(FunctionInfoForVersion.model_fields)


@pytest.mark.parametrize("field", ["environment", "secrets"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "must be of letters, digits and underscores, and not begin with a digit"),
        ("1ST", "must be of letters, digits and underscores, and not begin with a digit"),
        ("A-B", "must be of letters, digits and underscores, and not begin with a digit"),
        ("Ä", "must be of letters, digits and underscores, and not begin with a digit"),
        ("A\n", "must be of letters, digits and underscores, and not begin with a digit"),
        ("MULTINODE_API_KEY", "must not begin with MULTINODE_ or CONTROL_PLANE_, which are the control plane's own"),
        ("CONTROL_PLANE_X", "must not begin with MULTINODE_ or CONTROL_PLANE_, which are the control plane's own"),
        ("LD_PRELOAD", ABOUT_THE_PROGRAM),
        ("PATH", ABOUT_THE_PROGRAM),
        ("PYTHONPATH", ABOUT_THE_PROGRAM),
    ],
)
def test_names_that_are_refused(field: str, name: str, why: str) -> None:
    (problem,) = problems(**{field: {name: "planted"}})
    assert problem["msg"] == f"Value error, {field}: {name} {why}"
    assert (problem["loc"], problem["input"]) == ([field], HIDDEN)


def test_the_size_in_all() -> None:
    most = bounds.MAX_ENVIRONMENT_BYTES
    read(environment={"A": "x" * (most - 1)})
    (problem,) = problems(environment={"A": "ä" * (most // 2)})
    assert problem["msg"] == "Value error, environment must not exceed 32768 bytes, names and values together"
    (problem,) = problems(environment={"A": "x" * (most - 3)}, secrets={"B": "name"})
    assert problem["msg"] == "Value error, secrets and environment must not exceed 32768 bytes"
    names = [f"V{number}" for number in range(bounds.MAX_SECRETS_OF_FUNCTION + 1)]
    (problem,) = problems(secrets=dict.fromkeys(names, "name"))
    assert problem["type"] == "too_long"
    assert "planted" not in str(problems(environment={"A": "planted\0", "B": 5}))


def test_a_name_in_both_is_refused() -> None:
    (problem,) = problems(environment={"URL": "planted"}, secrets={"URL": "url"})
    assert problem["msg"] == "Value error, secrets: URL is in environment as well; leave one of them out"


@pytest.mark.parametrize(
    "reference",
    ["", "postgres://user:planted@host/db", "-x", ".x", "a" * 129, "arn:aws:s3:::planted", ARN + "x" * 2048],
)
def test_a_value_in_place_of_a_name_is_refused_and_not_repeated(reference: str) -> None:
    (problem,) = problems(secrets={"URL": reference})
    assert problem["msg"].startswith(
        "Value error, secrets: URL must name a secret of the project, or an ARN of Secrets"
    )
    assert (problem["input"], "ctx" in problem) == (HIDDEN, False)


def test_values_are_not_repeated_by_problems_elsewhere_in_the_function() -> None:
    whole = function_spec(environment={"A": "planted"}, secrets={"B": "planted"})
    del whole["function_name"]
    with pytest.raises(ValidationError) as caught:
        FunctionSpec.model_validate(whole)
    (problem,) = presentable_problems(caught.value.errors())
    assert problem["loc"] == ["function_name"]
    assert problem["input"]["environment"] == problem["input"]["secrets"] == HIDDEN
