"""Policies of IAM, evaluated: the part of their language that ours speak."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from tests.aws.wire import Document

_OPERATORS = ("StringEquals", "StringLike", "ArnEquals", "ArnLike")


@dataclass(frozen=True, slots=True)
class Need:
    """What a call asks of IAM: an action, on a resource, with what is known of the call."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


class Policies:
    """All policies of one principal; `documents` as IAM has them. Raises ValueError for what is not understood, as a
    condition that is overlooked would allow too much."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._statements = [statement for document in documents for statement in document["Statement"]]
        for statement in self._statements:
            _check(statement)

    @property
    def actions(self) -> list[str]:
        """Those that are allowed, as they are written."""
        allowing = [one for one in self._statements if one["Effect"] == "Allow"]
        return [action for one in allowing for action in _listed(one["Action"])]

    def without(self, action: str) -> "Policies":
        """As if nobody had written it."""
        kept = (
            {**one, "Action": [each for each in _listed(one["Action"]) if each != action]} for one in self._statements
        )
        return Policies([{"Statement": list(kept)}])

    def refusal(self, need: Need) -> str | None:
        """Why IAM refuses, in its words; None if it allows."""
        effects = {statement["Effect"] for statement in self._statements if _is_about(statement, need)}
        if "Deny" in effects:
            return "with an explicit deny in an identity-based policy"
        if "Allow" in effects:
            return None
        return f"because no identity-based policy allows the {need.action} action"


def _check(statement: Document) -> None:
    unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
    unknown |= statement.get("Condition", {}).keys() - set(_OPERATORS)
    if unknown:
        raise ValueError(f"a statement has {sorted(unknown)}, which is not evaluated here")


def _is_about(statement: Document, need: Need) -> bool:
    return (
        any(_matches(pattern.lower(), need.action.lower()) for pattern in _listed(statement["Action"]))
        and any(_matches(pattern, need.resource) for pattern in _listed(statement["Resource"]))
        and all(_holds(*condition, need.context) for condition in _conditions(statement))
    )


def _conditions(statement: Document) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, _listed(values)


def _holds(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    """What the call does not say equals nothing."""
    said = {name.lower(): value for name, value in context.items()}.get(key.lower())
    if said is None:
        return False
    if operator == "StringEquals":
        return said in values
    return any(_matches(value, said) for value in values)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"([*?])", text)
    return re.compile("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts), re.DOTALL)


def _matches(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
