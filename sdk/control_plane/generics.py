"""A stand-in for `typing.Generic` at run time: Python 3.8 has no ParamSpec."""

from __future__ import annotations


class Generic:
    """`class Function(Generic[P, R])` and `Function[[str], int]` are the classes themselves."""

    def __class_getitem__(cls, _parameters: object) -> type:
        return cls
