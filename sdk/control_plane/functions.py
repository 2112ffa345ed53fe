"""A declared function: it is called like any other, and submitted where it is to run in a container of its own."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Coroutine, Iterable, Iterator, overload

if TYPE_CHECKING:
    from typing_extensions import Generic, ParamSpec, TypeVar

    from control_plane.invocation import Invocation
    from control_plane.options import Options

    P = ParamSpec("P")
    R_co = TypeVar("R_co", covariant=True)
    T = TypeVar("T")
else:
    from control_plane.generics import Generic

    P = R_co = None


class Function(Generic[P, R_co]):
    """What `control_plane.function` makes of a function.

    Calling it is a plain local call. `submit` and `map` start invocations, each in a container of its own: children of
    the function that runs, or calls of an application's client (`Client.function`). Arguments and results are JSON.
    """

    if TYPE_CHECKING:
        __name__: str
        __qualname__: str
        __wrapped__: Callable[P, R_co]

    def __init__(self, wrapped: Callable[P, R_co], *, spec: dict[str, Any], file: str, line: int) -> None:
        """`spec`: a FunctionSpec of the REST API without its signature; `file`, `line`: where it is declared."""
        update_wrapper(self, wrapped)
        self._spec = spec
        self._place = (file, line)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return "<control_plane function %s>" % self.__qualname__

    def __reduce__(self) -> str:
        """By its name, as functions are."""
        return self.__qualname__

    @property
    def signature(self) -> dict[str, Any] | None:
        """Its arguments as JSON Schema. Raises TypeError for a default that is no JSON."""
        from control_plane.signatures import signature_of  # noqa: PLC0415 - only callers need it, and it is slow

        if "_signature" not in self.__dict__:
            self._signature = signature_of(self.__wrapped__).schema
        return self._signature

    @overload
    def submit(self: Function[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> Invocation[T]: ...

    @overload
    def submit(self: Function[P, Iterator[Any]], *args: P.args, **kwargs: P.kwargs) -> Invocation[Any]: ...

    @overload
    def submit(self: Function[P, AsyncIterator[Any]], *args: P.args, **kwargs: P.kwargs) -> Invocation[Any]: ...

    @overload
    def submit(self: Function[P, R_co], *args: P.args, **kwargs: P.kwargs) -> Invocation[R_co]: ...

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Start an invocation with these arguments; a keyword `options` may hold Options.

        Raises TypeError for arguments that it does not take, Refused and Unreachable.
        """
        from control_plane import calls  # noqa: PLC0415 - most functions submit nothing

        return calls.submit(self, *args, **kwargs)

    def with_options(self, options: Options) -> WithOptions[P, R_co]:
        """For a `submit` whose arguments a type checker is to see."""
        return WithOptions(self, options)

    def map(self, inputs: Iterable[Any], *, ordered: bool = True, return_exceptions: bool = False) -> Iterator[Any]:
        """Results of one invocation for each input, which is its only argument.

        All are submitted before the first result is given. `ordered`: in the order of the inputs, else as they end.
        The first failure is raised in its turn, or with `return_exceptions` given in place of the result.
        """
        from control_plane import calls  # noqa: PLC0415

        return calls.map(self, ((value,) for value in inputs), ordered=ordered, return_exceptions=return_exceptions)

    def starmap(
        self, inputs: Iterable[Iterable[Any]], *, ordered: bool = True, return_exceptions: bool = False
    ) -> Iterator[Any]:
        """Like `map`, where each input holds all positional arguments."""
        from control_plane import calls  # noqa: PLC0415

        return calls.map(self, map(tuple, inputs), ordered=ordered, return_exceptions=return_exceptions)


class WithOptions(Generic[P, R_co]):
    """A function together with the options of its next calls."""

    def __init__(self, function: Function[P, R_co], options: Options) -> None:
        self._function = function
        self._options = options

    @overload
    def submit(self: WithOptions[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> Invocation[T]: ...

    @overload
    def submit(self: WithOptions[P, R_co], *args: P.args, **kwargs: P.kwargs) -> Invocation[R_co]: ...

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        return self._function.submit(*args, **kwargs, options=self._options)  # type: ignore[arg-type]  # no type can say that it is not theirs
