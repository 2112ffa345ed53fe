"""A form made of a function's signature, and the input made of what was entered there."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

PREFIX = "argument:"  # of the names of fields, before those of arguments
_LEFT_OUT = object()


class FieldKind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    CHOICE = "choice"
    JSON = "json"


class EntryIsWrong(ValueError):
    """What is expected, beside the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentField:
    """`default`: as JSON; None: the argument must be given. `choices`: JSON texts. `entered`: what stands in the field,
    of a checkbox `true` or nothing. `problem`: what is wrong with it."""

    name: str
    kind: FieldKind
    default: str | None
    may_be_null: bool = False
    choices: tuple[str, ...] = ()
    entered: str = ""
    problem: str | None = None

    @property
    def field_name(self) -> str:
        return PREFIX + self.name


def fields_of(signature: str | None) -> list[ArgumentField] | None:
    """One for each argument, with its default in it. None if arguments are not known by their names."""
    if signature is None:
        return None
    try:
        properties: Mapping[str, Any] = json.loads(signature)["properties"]
        required = json.loads(signature).get("required", ())
        return [_field(name, schema, name in required) for name, schema in properties.items()]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # it is anybody's schema
        return None


def filled(fields: Iterable[ArgumentField], text: str) -> list[ArgumentField] | None:
    """With the arguments of an input in them. None if it has others, or is none of arguments by their names."""
    try:
        arguments = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return None
    known = list(fields)
    if not isinstance(arguments, dict) or not arguments.keys() <= {field.name for field in known}:
        return None
    return [
        replace(field, entered=_shown(field.kind, arguments[field.name])) if field.name in arguments else field
        for field in known
    ]


def entered(fields: Iterable[ArgumentField], get: Callable[[str], str]) -> list[ArgumentField]:
    """With what a browser has sent in them. `get`: the text of a field; empty if there is none."""
    return [_checked(replace(field, entered=get(field.field_name))) for field in fields]


def input_of(fields: Iterable[ArgumentField]) -> str:
    """Without the arguments that are as their defaults. Raises EntryIsWrong if a field has a problem."""
    arguments = {}
    for field in fields:
        value = _value(field)
        if value is not _LEFT_OUT and json.dumps(value) != field.default:
            arguments[field.name] = value
    return json.dumps(arguments, ensure_ascii=False)


def with_problem(fields: Iterable[ArgumentField], name: str, problem: str) -> list[ArgumentField]:
    return [replace(field, problem=problem) if field.name == name else field for field in fields]


def _field(name: str, schema: Mapping[str, Any], is_required: bool) -> ArgumentField:
    plain, may_be_null = _without_null(schema)
    kind, choices = _kind(plain), tuple(json.dumps(value) for value in plain.get("enum", ()))
    if kind is FieldKind.CHECKBOX and may_be_null:
        kind, choices = FieldKind.CHOICE, ("true", "false")
    default = None if is_required else json.dumps(schema.get("default"))
    field = ArgumentField(name=name, kind=kind, default=default, may_be_null=may_be_null, choices=choices)
    return field if default is None else replace(field, entered=_shown(kind, schema.get("default")))


def _without_null(schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Of what is either null or one other thing, the other."""
    alternatives = schema.get("anyOf", ())
    others = [one for one in alternatives if one.get("type") != "null"]
    if len(others) == 1 and len(alternatives) == 2:
        return others[0], True
    return schema, False


def _kind(schema: Mapping[str, Any]) -> FieldKind:
    if "enum" in schema:
        return FieldKind.CHOICE
    kinds = {
        "string": FieldKind.TEXT,
        "integer": FieldKind.INTEGER,
        "number": FieldKind.NUMBER,
        "boolean": FieldKind.CHECKBOX,
    }
    of_type = schema.get("type")
    return kinds.get(of_type, FieldKind.JSON) if isinstance(of_type, str) else FieldKind.JSON


def _shown(kind: FieldKind, value: Any) -> str:
    if kind is FieldKind.CHECKBOX:
        return "true" if value is True else ""
    if kind is FieldKind.TEXT and isinstance(value, str):
        return value
    if value is None and kind is not FieldKind.JSON:
        return ""
    return json.dumps(value, ensure_ascii=False, indent=2 if kind is FieldKind.JSON else None)


def _checked(field: ArgumentField) -> ArgumentField:
    try:
        _value(field)
    except EntryIsWrong as error:
        return replace(field, problem=str(error))
    return field


def _value(field: ArgumentField) -> Any:
    """_LEFT_OUT: the argument is not given. Raises EntryIsWrong."""
    text = field.entered
    if field.kind is FieldKind.CHECKBOX:
        return bool(text)
    if field.kind is FieldKind.TEXT and not (field.may_be_null and not text):
        return text.replace("\r\n", "\n")
    if not text.strip():
        if field.may_be_null:
            return None
        if field.default is None:
            raise EntryIsWrong("It is needed.")
        return _LEFT_OUT
    if field.kind is FieldKind.CHOICE and text not in field.choices:
        raise EntryIsWrong("It is none of these.")
    return _parsed(field.kind, text)


def _parsed(kind: FieldKind, text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        value, reason = _LEFT_OUT, str(error)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is FieldKind.INTEGER and not (is_number and isinstance(value, int)):
        raise EntryIsWrong("It is a whole number.")
    if kind is FieldKind.NUMBER and not is_number:
        raise EntryIsWrong("It is a number, with a point and not a comma.")
    if value is _LEFT_OUT:
        raise EntryIsWrong(f"It is not JSON: {reason}.")
    return value
