"""What a policy allows."""

import pytest

from tests.aws.policies import Need, Policies
from tests.aws.wire import Document


def allowing(**statement: object) -> Document:
    return {"Statement": [{"Effect": "Allow", "Action": "ecs:StopTask", "Resource": "*", **statement}]}


def is_allowed(need: Need, *documents: Document) -> bool:
    return Policies(documents).refusal(need) is None


ENOUGH = ("ecs:StopTask", "ECS:stoptask", "ecs:*", "*", ["ecs:RunTask", "ecs:Stop*"])
OF_ANOTHER: tuple[str | list[str], ...] = ("ecs:Stop", "ecs", "logs:*", [])
RESOURCES = ("arn:task/main/*", ["arn:other", "arn:task/*"], "arn:task/main/1", "arn:task/main/?")
OTHER_RESOURCES = ("arn:task/main", "arn:TASK/main/1", "arn.task/main/1")


@pytest.mark.parametrize(
    ("actions", "is_enough"), [*((one, True) for one in ENOUGH), *((one, False) for one in OF_ANOTHER)]
)
def test_actions(actions: str | list[str], is_enough: bool) -> None:
    assert is_allowed(Need("ecs:StopTask", "arn"), allowing(Action=actions)) is is_enough


@pytest.mark.parametrize(
    ("resource", "is_enough"), [*((one, True) for one in RESOURCES), *((one, False) for one in OTHER_RESOURCES)]
)
def test_resources(resource: str | list[str], is_enough: bool) -> None:
    assert is_allowed(Need("ecs:StopTask", "arn:task/main/1"), allowing(Resource=resource)) is is_enough


@pytest.mark.parametrize(
    ("condition", "is_enough"),
    [
        ({"ArnEquals": {"ecs:cluster": "arn:cluster/main"}}, True),
        ({"ArnEquals": {"ecs:cluster": "arn:cluster/*"}}, True),
        ({"StringEquals": {"ecs:cluster": "arn:cluster/*"}}, False),
        ({"StringEquals": {"ECS:Cluster": ["arn:other", "arn:cluster/main"]}}, True),
        ({"StringLike": {"ecs:cluster": "*main"}}, True),
        ({"ArnEquals": {"ecs:cluster": "arn:cluster/main"}, "StringEquals": {"ecs:CreateAction": "RunTask"}}, False),
    ],
)
def test_conditions(condition: Document, is_enough: bool) -> None:
    need = Need("ecs:StopTask", "arn", {"ecs:cluster": "arn:cluster/main"})
    assert is_allowed(need, allowing(Condition=condition)) is is_enough


def test_of_several_statements_one_is_enough_and_a_denial_is_the_last_word() -> None:
    need = Need("ecs:StopTask", "arn")
    assert is_allowed(need, allowing(Resource="other"), allowing())
    denying: Document = {"Statement": [{"Effect": "Deny", "Action": "ecs:*", "Resource": "*"}]}
    assert Policies([allowing(), denying]).refusal(need) == "with an explicit deny in an identity-based policy"


def test_what_nobody_allows_is_refused() -> None:
    need = Need("ecs:StopTask", "arn")
    assert Policies([]).refusal(need) == "because no identity-based policy allows the ecs:StopTask action"
    assert Policies([allowing()]).without("ecs:StopTask").refusal(need) is not None


@pytest.mark.parametrize(
    "statement", [{"NotAction": "*"}, {"Condition": {"DateLessThan": {"aws:CurrentTime": "2030"}}}]
)
def test_what_is_not_understood_is_not_passed_over(statement: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not evaluated here"):
        Policies([allowing(**statement)])
