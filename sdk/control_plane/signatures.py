"""The arguments of a function as JSON Schema, made where it is declared.

    {"type": "object", "properties": {...}, "required": [...], "additionalProperties": false,
     "x-positional": ["url", "width"], "x-variadic": true}

What cannot be said in it, an annotation that does not resolve for example, is left open. Of a function in a decorator
it is what the decorator takes that counts, whatever `functools.wraps` says: it may hand over arguments of its own.
"""

from __future__ import annotations

import functools
import inspect
import sys
from json import loads
from typing import Any, Callable, NamedTuple

from control_plane.encoding import encode
from control_plane.schemas import schema_of

MOST_CHARACTERS = 16_384
_Cached = type(functools.lru_cache(maxsize=None)(len))


class DefaultIsUnusable(TypeError):
    """The text names the parameter, the place in its default and what to do."""


class Signature(NamedTuple):
    """`schema` is None for a function whose parameters nobody can tell. `advice`: a line for each parameter whose
    annotation promises what JSON does not bring."""

    schema: dict[str, Any] | None
    advice: list[str]


def signature_of(function: Callable[..., Any]) -> Signature:
    """Raises DefaultIsUnusable."""
    try:
        parameters = own_signature(function).parameters.values()
    except (TypeError, ValueError, NameError):  # what is written in another language
        return Signature(None, [])
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": [],
        "additionalProperties": False,
        "x-positional": [],
    }
    advice = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            schema["x-variadic"] = True
        elif parameter.kind is parameter.VAR_KEYWORD:
            schema["additionalProperties"] = True
        else:
            annotation = _resolved(parameter.annotation, function)
            properties[parameter.name], arrives = schema_of(annotation, definitions)
            if arrives is not None:
                advice.append("%s arrives as %s" % (parameter.name, arrives))
            if parameter.kind is not parameter.KEYWORD_ONLY:
                schema["x-positional"].append(parameter.name)
            if parameter.default is parameter.empty:
                schema["required"].append(parameter.name)
            else:
                properties[parameter.name]["default"] = _default(parameter)
    if definitions:
        schema["$defs"] = definitions
    return Signature(_bounded(schema), advice)


def own_signature(function: Callable[..., Any]) -> inspect.Signature:
    """What calling it takes; a decorator's parameters have no annotations, as those that it shows are copies of what it
    wraps. Raises TypeError, ValueError and NameError where that cannot be told."""
    while isinstance(function, _Cached):  # which hands on what it is given
        function = function.__wrapped__
    options: dict[str, Any] = {"follow_wrapped": False}
    if sys.version_info >= (3, 14):  # annotations are code that is run when they are asked for
        import annotationlib  # noqa: PLC0415

        options["annotation_format"] = annotationlib.Format.FORWARDREF
    signature = inspect.signature(function, **options)
    if not hasattr(function, "__wrapped__") or hasattr(function, "__signature__"):
        return signature
    return signature.replace(
        parameters=[one.replace(annotation=one.empty) for one in signature.parameters.values()],
    )


def _resolved(annotation: Any, function: Callable[..., Any]) -> Any:
    """Raises nothing: what does not resolve, says nothing."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, dict(getattr(inspect.unwrap(function), "__globals__", {})))
    except Exception:  # it is any code
        return inspect.Parameter.empty


def _default(parameter: inspect.Parameter) -> Any:
    try:
        return loads(encode(parameter.default, name=parameter.name))
    except TypeError as error:
        raise DefaultIsUnusable("the default of %s; or make it None, and the value in the function" % error) from error


def _bounded(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Without what the parameters may be, if that is too much to be sent; None if their names alone are."""
    if _length(schema) <= MOST_CHARACTERS:
        return schema
    schema.pop("$defs", None)
    schema["properties"] = {name: {} for name in schema["properties"]}
    return schema if _length(schema) <= MOST_CHARACTERS else None


def _length(schema: dict[str, Any]) -> int:
    return len(encode(schema, name="signature").encode())
