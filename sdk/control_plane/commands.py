"""A declared command: a program of an image, which reads its input from stdin and knows nothing of us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator

if TYPE_CHECKING:
    from control_plane.invocation import Invocation
    from control_plane.options import Options


class Command:
    """What `control_plane.command` gives. Its input and its output are text."""

    def __init__(self, name: str, *, spec: dict[str, Any], file: str, line: int) -> None:
        """As `control_plane.functions.Function` is made."""
        self.__name__ = name
        self._spec = spec
        self._place = (file, line)

    def __repr__(self) -> str:
        return "<control_plane command %s>" % self.__name__

    def submit(self, text: Any = "", *, options: Options | None = None) -> Invocation[str | None]:
        """Start it with this input; what is no text is written as JSON. Raises Refused and Unreachable."""
        from control_plane import calls  # noqa: PLC0415 - most functions submit nothing

        return calls.submit(self, text, options=options)

    def map(self, inputs: Iterable[Any], *, ordered: bool = True, return_exceptions: bool = False) -> Iterator[Any]:
        """As `control_plane.functions.Function.map`."""
        from control_plane import calls  # noqa: PLC0415

        return calls.map(self, ((value,) for value in inputs), ordered=ordered, return_exceptions=return_exceptions)
