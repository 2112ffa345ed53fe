"""Makes an invocation's input of a call's arguments; what the function would refuse is found before anything is sent.

An input that is an object gives keyword arguments, an array positional ones.
"""

from __future__ import annotations

from json import JSONDecodeError, loads
from typing import Any, Mapping, Sequence

from control_plane.encoding import encode

_NAMES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    list: "array",
    dict: "object",
}


class ArgumentIsWrong(TypeError):
    """`argument`: its name, None if it has none."""

    def __init__(self, text: str, *, argument: str | None = None) -> None:
        super().__init__(text)
        self.argument = argument


def bind(
    signature: Mapping[str, Any] | None, args: Sequence[Any], kwargs: Mapping[str, Any], *, function_name: str
) -> str:
    """The input as text. `signature`: of `control_plane.signatures`, or another schema that the API was given; without
    one only the form is made, and so for arguments by position if it does not name them.

    Raises TypeError, whose one line says which argument is wrong.
    """
    try:
        return _bound(signature, args, kwargs, function_name)
    except ArgumentIsWrong as error:  # as Python calls it, in reports too
        raise TypeError(str(error)) from None


def check_input(signature: Mapping[str, Any], text: str, *, function_name: str) -> None:
    """Raises ArgumentIsWrong for an input with which the function cannot be called, and only if that is certain.

    Which arguments an input stands for is said in `control_plane.input_arguments`. A schema that does not say what may
    be given by position is not of a declaration in Python: of such a function only named arguments are known.
    """
    names = signature.get("x-positional")
    try:
        value = loads(text) if text.strip() else {}
    except JSONDecodeError as error:
        if names is None:
            return
        raise ArgumentIsWrong("%s(): the input is not JSON: %s" % (function_name, error)) from error
    except (ValueError, RecursionError):  # longer or deeper than Python reads here
        return
    if isinstance(value, dict):
        _check(signature, value, function_name)
    elif names is not None:
        args = value if isinstance(value, list) else [value]
        if len(args) > len(names) and not signature.get("x-variadic"):
            _refuse_overflow(names, args, function_name)
        _check(signature, dict(zip(names, args)), function_name)


def bind_text(args: Sequence[Any], kwargs: Mapping[str, Any], *, function_name: str) -> str:
    """The input of a command: one text as it is, anything else as JSON. Raises TypeError."""
    if kwargs or len(args) > 1:
        raise TypeError("%s is a command: it takes one value, which it reads from stdin" % function_name)
    if not args:
        return ""
    return args[0] if isinstance(args[0], str) else encode(args[0], name="input")


def _bound(
    signature: Mapping[str, Any] | None, args: Sequence[Any], kwargs: Mapping[str, Any], function_name: str
) -> str:
    if signature is None or (args and "x-positional" not in signature):
        if args and kwargs:
            raise TypeError(
                "%s() does not say what its arguments are called: give all of them by name, or none" % function_name
            )
        return encode(dict(kwargs) if kwargs or not args else list(args), name="arguments")
    names = signature.get("x-positional", ())
    if len(args) > len(names):
        return _overflowing(signature, args, kwargs, function_name)
    named = dict(zip(names, args))
    for name in kwargs:
        if name in named:
            raise ArgumentIsWrong("%s() got %s twice: by position and by name" % (function_name, name), argument=name)
    named.update(kwargs)
    _check(signature, named, function_name)
    return encode(named, name="arguments")


def _overflowing(
    signature: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any], function_name: str
) -> str:
    names = signature["x-positional"]
    if not signature.get("x-variadic"):
        _refuse_overflow(names, args, function_name)
    if kwargs:
        raise TypeError(
            "%s(): more arguments than have a name cannot be sent together with %s" % (function_name, ", ".join(kwargs))
        )
    _check(signature, dict(zip(names, args)), function_name)
    return encode(list(args), name="arguments")


def _refuse_overflow(names: Sequence[str], args: Sequence[Any], function_name: str) -> None:
    known = " (%s)" % ", ".join(names) if names else ""
    raise ArgumentIsWrong(
        "%s() takes %d arguments by position%s, but %d are given" % (function_name, len(names), known, len(args))
    )


def _check(signature: Mapping[str, Any], named: Mapping[str, Any], function_name: str) -> None:
    properties = signature.get("properties", {})
    if signature.get("additionalProperties", True) is False:
        unknown = [name for name in named if name not in properties]
        if unknown:
            known = "it has %s" % ", ".join(properties) if properties else "it has none"
            raise ArgumentIsWrong(
                "%s() has no argument %r; %s" % (function_name, unknown[0], known), argument=unknown[0]
            )
    missing = [name for name in signature.get("required", ()) if name not in named]
    if missing:
        raise ArgumentIsWrong("%s() lacks the argument %s" % (function_name, ", ".join(missing)), argument=missing[0])
    for name, value in named.items():
        schema = properties.get(name, {})
        if not _fits(value, schema) and not _is_default(value, schema):
            raise ArgumentIsWrong(
                "%s(): %s is %s, but must be %s" % (function_name, name, _shown(value), _wanted(properties[name])),
                argument=name,
            )


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """False only where that is certain: of plain values, and of their own type alone."""
    kind = type(value)
    if kind not in _NAMES or not isinstance(schema, dict):
        return True
    if "anyOf" in schema:
        return any(_fits(value, option) for option in schema["anyOf"])
    if "enum" in schema:
        return any(value == option and type(option) is kind for option in schema["enum"])
    kinds = {_NAMES[kind], "number" if kind is int else "", "integer" if kind is float and value.is_integer() else ""}
    wanted = schema.get("type")
    return wanted is None or not kinds.isdisjoint([wanted] if isinstance(wanted, str) else wanted)


def _is_default(value: Any, schema: Mapping[str, Any]) -> bool:
    """Which may be None without the annotation saying so."""
    return "default" in schema and type(value) is type(schema["default"]) and bool(value == schema["default"])


def _wanted(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_wanted(option) for option in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(repr(option) for option in schema["enum"])
    wanted = schema.get("type", "anything")
    return wanted if isinstance(wanted, str) else " or ".join(wanted)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
