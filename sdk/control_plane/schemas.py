"""JSON Schema of annotations: which JSON `control_plane.encoding` writes for values of these types."""

from __future__ import annotations

import enum
import inspect
import typing
from json import loads
from typing import Any, Callable, Tuple

from control_plane.encoding import encode

Found = Tuple["dict[str, Any]", "str | None"]  # a schema, and as what the value arrives where that is another type

_DEPTH = 8  # of types in types; deeper ones, and those that hold themselves, are left open
_SCALARS: dict[type, dict[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}
# By package and name, as what is not imported cannot be an annotation either.
_STRINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("datetime", "datetime"): {"type": "string", "format": "date-time"},
    ("datetime", "date"): {"type": "string", "format": "date"},
    ("datetime", "time"): {"type": "string", "format": "time"},
    ("datetime", "timedelta"): {"type": "string", "format": "duration"},
    ("decimal", "Decimal"): {"type": "string", "format": "decimal"},
    ("uuid", "UUID"): {"type": "string", "format": "uuid"},
    ("pathlib", "PurePath"): {"type": "string", "format": "path"},
    ("builtins", "bytes"): {"type": "string", "contentEncoding": "base64"},
    ("builtins", "bytearray"): {"type": "string", "contentEncoding": "base64"},
}
_LISTS = ("list", "Sequence", "MutableSequence", "Iterable", "Collection")
_SETS = ("set", "frozenset", "Set", "MutableSet")
_MAPPINGS = ("dict", "Mapping", "MutableMapping", "defaultdict", "OrderedDict", "Counter")
_UNIONS = ("Union", "UnionType")


def schema_of(annotation: Any, definitions: dict[str, Any], depth: int = 0) -> Found:
    """`definitions` takes what the schema refers to as `#/$defs/NAME`."""
    if depth > _DEPTH or any(annotation is open_type for open_type in (Any, object, inspect.Parameter.empty)):
        return {}, None
    if annotation is None:
        return {"type": "null"}, None
    origin = typing_origin(annotation)
    arguments = getattr(annotation, "__args__", ())

    def inner(part: Any) -> Found:
        return schema_of(part, definitions, depth + 1)

    if hasattr(annotation, "__metadata__") or hasattr(annotation, "__supertype__"):  # Annotated and NewType
        return inner(getattr(annotation, "__supertype__", origin))
    if origin is not None:
        return _generic(origin, arguments, inner)
    if not isinstance(annotation, type):  # a type variable, a forward reference
        return {}, None
    return _class(annotation, definitions, inner)


def typing_origin(annotation: Any) -> Any:
    """`list` of `List[int]`; None of what has no parameters."""
    origin = getattr(annotation, "__origin__", None)
    if origin is None and type(annotation).__name__ == "UnionType":
        return type(annotation)
    return origin


def _generic(origin: Any, arguments: tuple[Any, ...], inner: Callable[[Any], Found]) -> Found:
    name = getattr(origin, "__name__", None) or getattr(origin, "_name", "")
    if name in _UNIONS:
        found = [inner(part) for part in arguments]
        return {"anyOf": [schema for schema, _ in found]}, _first(found)
    if name == "Literal":
        return {"enum": [_plain(value) for value in arguments]}, None
    if name == "tuple":
        return _tuple(arguments, inner)
    if name in _LISTS or name in _SETS:
        return _array(name, *inner(arguments[0]))
    if name in _MAPPINGS and len(arguments) == 2:
        values, arrives = inner(arguments[1])
        return {"type": "object", "additionalProperties": values}, arrives and "a dict, each value of it %s" % arrives
    return {}, None


def _array(name: str, items: dict[str, Any], arrives: str | None) -> Found:
    if name in _SETS:
        return {"type": "array", "items": items, "uniqueItems": True}, "a list"
    return {"type": "array", "items": items}, arrives and "a list, each of it %s" % arrives


def _tuple(arguments: tuple[Any, ...], inner: Callable[[Any], Found]) -> Found:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": inner(arguments[0])[0]}, "a list"
    items = [inner(part)[0] for part in arguments if part != ()]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}, "a list"


def _class(cls: type, definitions: dict[str, Any], inner: Callable[[Any], Found]) -> Found:
    if cls in _SCALARS:
        return dict(_SCALARS[cls]), None
    if issubclass(cls, enum.Enum):
        return {"enum": [_plain(member.value) for member in cls]}, "the value of a %s, no member" % cls.__name__
    if hasattr(cls, "__total__") and issubclass(cls, dict):  # TypedDict
        return _object(cls, required=getattr(cls, "__required_keys__", ()), inner=inner), None
    if hasattr(cls, "model_json_schema"):  # pydantic's
        return _model(cls, definitions), "a dict"
    if hasattr(cls, "__dataclass_fields__"):
        return _object(cls, required=_needed(cls), inner=inner), "a dict"
    return _other_class(cls, inner)


def _other_class(cls: type, inner: Callable[[Any], Found]) -> Found:
    """A named tuple, something of the standard library, or a class that JSON knows nothing of."""
    if hasattr(cls, "_fields") and issubclass(cls, tuple):
        hints = _hints(cls)
        return _tuple(tuple(hints.get(name, Any) for name in getattr(cls, "_fields", ())), inner)
    for base in cls.__mro__:
        text = _STRINGS.get((base.__module__.partition(".")[0], base.__qualname__))
        if text is not None:
            return dict(text), "a string"
    name = cls.__name__
    if name in _MAPPINGS:
        return {"type": "object"}, None
    if name in (*_LISTS, *_SETS, "tuple"):
        return {"type": "array"}, None if name in _LISTS else "a list"
    return {}, "plain JSON, never as %s" % name


def _needed(cls: type) -> list[str]:
    parameters = inspect.signature(cls).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def _object(cls: type, *, required: Any, inner: Callable[[Any], Found]) -> dict[str, Any]:
    names = getattr(cls, "__dataclass_fields__", None) or _hints(cls)
    hints = _hints(cls)
    properties = {name: inner(hints.get(name, Any))[0] for name in names}
    return {"type": "object", "properties": properties, "required": [name for name in names if name in required]}


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except Exception:  # annotations are any code
        return dict.fromkeys(getattr(cls, "__annotations__", {}), Any)


def _model(cls: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    try:
        schema: dict[str, Any] = cls.model_json_schema()
    except Exception:  # it has fields that have no schema
        return {}
    for name, definition in schema.pop("$defs", {}).items():
        definitions.setdefault(name, definition)
    return schema


def _first(found: list[Found]) -> str | None:
    return next((arrives for _, arrives in found if arrives is not None), None)


def _plain(value: Any) -> Any:
    try:
        return loads(encode(value, name="value"))
    except TypeError:
        return str(value)
