"""Calls of other functions, for code that runs as a function: in a container, or in a test (`control_plane.testing`).

import control_plane as cp

@cp.function
def total(numbers: list) -> int:
    calls = [square.submit(number) for number in numbers]
    return sum(cp.gather(*calls))
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Sequence, TypeVar, cast

from control_plane import declarations
from control_plane.binding import bind, bind_text
from control_plane.commands import Command
from control_plane.errors import ControlPlaneError, InvocationFailed
from control_plane.functions import Function
from control_plane.invocation import Invocation
from control_plane.options import Options

if TYPE_CHECKING:
    from typing import Protocol, Union

    Callee = Union[Function[..., Any], Command, None]

    class Caller(Protocol):
        """Whoever carries calls out: a container's own, or a test's. `callee`: what is called, as far as it is known
        here; its name is what counts in containers."""

        def submit(self, name: str, callee: Callee, text: str, *, options: Options) -> Invocation[Any]: ...

        def map(
            self, name: str, callee: Callee, texts: Iterable[str], *, ordered: bool, return_exceptions: bool
        ) -> Iterator[Any]: ...


R = TypeVar("R")

# Those of `control_plane.testing.local`, the innermost last.
local_callers: list[Caller] = []


def submit(function: Function[..., Any] | Command | str, /, *args: Any, **kwargs: Any) -> Invocation[Any]:
    """Start a function, or one of this version by its name. A keyword `options` may hold Options.

    Raises TypeError for arguments that it does not take, Refused, which names those that exist, and Unreachable.
    """
    options = Options()
    if isinstance(kwargs.get("options"), Options):
        options = kwargs.pop("options")
    name, callee = _found(function)
    caller = _caller(name)
    return caller.submit(name, callee, _bound(name, callee, args, kwargs), options=options)


def map(
    function: Function[..., Any] | Command | str,
    arguments: Iterable[Sequence[Any]],
    *,
    ordered: bool = True,
    return_exceptions: bool = False,
) -> Iterator[Any]:
    """As `Function.starmap`."""
    name, callee = _found(function)
    texts = (_bound(name, callee, tuple(each), {}) for each in arguments)
    return _caller(name).map(name, callee, texts, ordered=ordered, return_exceptions=return_exceptions)


def gather(*calls: Invocation[R], return_exceptions: bool = False) -> list[R]:
    """Their results, in their order; waits for all of them on one connection.

    The first failure among them is raised, or with `return_exceptions` given in place of the result.
    """
    results = []
    for _ in as_completed(calls):
        pass
    for call in calls:
        try:
            results.append(call.result())
        except InvocationFailed as error:
            if not return_exceptions:
                raise
            results.append(cast(R, error))
    return results


def as_completed(calls: Iterable[Invocation[R]], timeout: float | None = None) -> Iterator[Invocation[R]]:
    """The calls in the order in which they end, well or badly. Raises TimeoutError after so many seconds."""
    waiting = list(calls)
    for call in waiting:
        if not isinstance(call, Invocation):
            raise TypeError("%r is no call; submit gives one, and client.invocation(id) makes one of an id" % (call,))
    return waiting[0]._as_they_end(waiting, timeout) if waiting else iter(())


def _found(function: Function[..., Any] | Command | str) -> tuple[str, Callee]:
    """Its name, and the declaration if this process has it."""
    if isinstance(function, str):
        return function, declarations.named(function)
    return function.__name__, function


def _bound(name: str, callee: Callee, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    if isinstance(callee, Command):
        return bind_text(args, kwargs, function_name=name)
    return bind(None if callee is None else callee.signature, args, kwargs, function_name=name)


def _caller(name: str) -> Caller:
    if local_callers:
        return local_callers[-1]
    if not os.environ.get("MULTINODE_EXECUTION_ID"):
        raise ControlPlaneError(
            "%s can be submitted like this by code that runs in a container; in an application say "
            "cp.Client().function(PROJECT, %s).submit(…), in a test put `with cp.testing.local():` around it"
            % (name, name)
        )
    from control_plane.container.children import caller  # noqa: PLC0415 - tests and applications have no use for it

    return caller(os.getpid())
