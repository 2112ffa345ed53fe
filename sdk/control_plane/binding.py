"""Makes an invocation's input of a call's arguments; what the function would refuse is found before anything is sent.

An input that is an object gives keyword arguments, an array positional ones.
"""

from __future__ import annotations

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


def bind(
    signature: Mapping[str, Any] | None, args: Sequence[Any], kwargs: Mapping[str, Any], *, function_name: str
) -> str:
    """The input as text. `signature`: of `control_plane.signatures`, or another schema that the API was given; without
    one only the form is made, and so for arguments by position if it does not name them.

    Raises TypeError, whose one line says which argument is wrong.
    """
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
            raise TypeError("%s() got %s twice: by position and by name" % (function_name, name))
    named.update(kwargs)
    _check(signature, named, function_name)
    return encode(named, name="arguments")


def bind_text(args: Sequence[Any], kwargs: Mapping[str, Any], *, function_name: str) -> str:
    """The input of a command: one text as it is, anything else as JSON. Raises TypeError."""
    if kwargs or len(args) > 1:
        raise TypeError("%s is a command: it takes one value, which it reads from stdin" % function_name)
    if not args:
        return ""
    return args[0] if isinstance(args[0], str) else encode(args[0], name="input")


def _overflowing(
    signature: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any], function_name: str
) -> str:
    names = signature["x-positional"]
    if not signature.get("x-variadic"):
        known = " (%s)" % ", ".join(names) if names else ""
        raise TypeError(
            "%s() takes %d arguments by position%s, but %d are given" % (function_name, len(names), known, len(args))
        )
    if kwargs:
        raise TypeError(
            "%s(): more arguments than have a name cannot be sent together with %s" % (function_name, ", ".join(kwargs))
        )
    _check(signature, dict(zip(names, args)), function_name)
    return encode(list(args), name="arguments")


def _check(signature: Mapping[str, Any], named: Mapping[str, Any], function_name: str) -> None:
    properties = signature.get("properties", {})
    if signature.get("additionalProperties", True) is False:
        unknown = [name for name in named if name not in properties]
        if unknown:
            known = "it has %s" % ", ".join(properties) if properties else "it has none"
            raise TypeError("%s() has no argument %r; %s" % (function_name, unknown[0], known))
    missing = [name for name in signature.get("required", ()) if name not in named]
    if missing:
        raise TypeError("%s() lacks the argument %s" % (function_name, ", ".join(missing)))
    for name, value in named.items():
        if not _fits(value, properties.get(name, {})):
            raise TypeError(
                "%s(): %s is %s, but must be %s" % (function_name, name, _shown(value), _wanted(properties[name]))
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
