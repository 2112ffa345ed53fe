"""What stands in JSON for a value that is none: one level at a time, what is inside it comes next.

Classes are known by name, so that nothing is imported that the program has not imported itself.
"""

from __future__ import annotations

from base64 import b64encode
from math import isnan
from typing import Any, Callable, Iterable


class HasNoForm(Exception):
    """The text goes on behind "x is": what it is, and what to do."""


class Form:
    """`value`: a scalar, list, tuple or dict. `is_object`: of a dict whose keys were attributes."""

    __slots__ = ("is_object", "value")

    def __init__(self, value: Any, *, is_object: bool = False) -> None:
        self.value = value
        self.is_object = is_object


def form_of(value: Any) -> Form:
    """Raises HasNoForm."""
    cls = type(value)
    for base in cls.__mro__:
        convert = _FORMS.get((base.__module__.partition(".")[0], base.__qualname__))
        if convert is not None:
            return convert(value)
    if hasattr(cls, "__dataclass_fields__"):
        return Form({name: getattr(value, name) for name in _field_names(cls)}, is_object=True)
    kind = cls.__qualname__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    raise HasNoForm("%s %s, which has no form in JSON; give what is in it, or a text" % (article, kind))


def _field_names(cls: Any) -> Iterable[str]:
    """Without class variables and what only the constructor takes."""
    return (name for name, field in cls.__dataclass_fields__.items() if field._field_type.name == "_FIELD")


def _iso(value: Any) -> Form:
    return Form(value.isoformat())


def _text(value: Any) -> Form:
    return Form(str(value))


def _null(_value: Any) -> Form:
    """A mark for what is missing, and nothing else; a NaN may be a mistake."""
    return Form(None)


def _duration(value: Any) -> Form:
    """ISO 8601, in days and less: a year has no length that all readers agree on."""
    sign = "-" if value.days < 0 else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3_600)
    minutes, seconds = divmod(rest, 60)
    fraction = (".%06d" % value.microseconds).rstrip("0") if value.microseconds else ""
    days = "%dD" % value.days if value.days else ""
    clock = ("%dH" % hours if hours else "") + ("%dM" % minutes if minutes else "")
    if seconds or fraction or not (days or clock):
        clock += "%d%sS" % (seconds, fraction)
    return Form("%sP%s%s" % (sign, days, "T" + clock if clock else ""))


def _decimal(value: Any) -> Form:
    if not value.is_finite():
        raise HasNoForm("%s, which JSON does not have; None or a string may stand for it" % value)
    return Form(str(value))


def _bytes(value: Any) -> Form:
    return Form(b64encode(value).decode("ascii"))


def _set(value: Any) -> Form:
    """In an order that is the same each time, where there is one."""
    try:
        return Form(sorted(value))
    except TypeError:
        return Form(sorted(value, key=repr))


def _model(value: Any) -> Form:
    dumped = value.model_dump(mode="json")
    return Form(dumped, is_object=isinstance(dumped, dict))


def _scalar(value: Any) -> Form:
    """Of numpy."""
    item = value.item()
    if type(item) is not type(value):
        return Form(item)
    return Form(float(value))  # a long double is its own item; what is no number raises


def _moment(value: Any) -> Form:
    """numpy's datetime64, to its own precision."""
    text = str(value)
    return Form(None if text == "NaT" else text)


def _span(value: Any) -> Form:
    """numpy's timedelta64."""
    if str(value) == "NaT":
        return Form(None)
    item = value.astype("timedelta64[us]").item()
    return _duration(item)


def _array(value: Any) -> Form:
    """numpy's; moments in it would become integers in a plain list."""
    if value.dtype.kind in "mM":
        return Form([*value] if value.ndim else value[()])
    return Form(value.tolist())


def _column(value: Any) -> Form:
    """pandas': NaN is its mark for what is missing, but in numbers it may be a mistake."""
    items = value.tolist()
    if value.dtype.kind == "f":
        return Form(items)
    return Form([None if isinstance(item, float) and isnan(item) else item for item in items])


def _frame(value: Any) -> Form:
    """As records: an object for each row."""
    if not value.columns.is_unique:
        raise HasNoForm("a DataFrame with two columns of one name; rename one")
    names = [*value.columns]
    columns = [_column(value[name]).value for name in names]
    return Form([dict(zip(names, row)) for row in zip(*columns)])


# By package and name. A class counts with those that derive from it.
_FORMS: dict[tuple[str, str], Callable[[Any], Form]] = {
    ("builtins", "bytes"): _bytes,
    ("builtins", "bytearray"): _bytes,
    ("builtins", "memoryview"): _bytes,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("builtins", "range"): lambda value: Form([*value]),
    ("collections", "deque"): lambda value: Form([*value]),
    ("datetime", "datetime"): _iso,
    ("datetime", "date"): _iso,
    ("datetime", "time"): _iso,
    ("datetime", "timedelta"): _duration,
    ("decimal", "Decimal"): _decimal,
    ("enum", "Enum"): lambda value: Form(value.value),
    ("pathlib", "PurePath"): _text,
    ("uuid", "UUID"): _text,
    ("pydantic", "BaseModel"): _model,
    ("numpy", "datetime64"): _moment,
    ("numpy", "timedelta64"): _span,
    ("numpy", "generic"): _scalar,
    ("numpy", "ndarray"): _array,
    ("pandas", "NaTType"): _null,
    ("pandas", "NAType"): _null,
    ("pandas", "Period"): _text,
    ("pandas", "Series"): _column,
    ("pandas", "Index"): _column,
    ("pandas", "ExtensionArray"): _column,
    ("pandas", "DataFrame"): _frame,
}
