"""Carries calls out in this process, one after the other, as far as the code can tell like a container of its own.

Arguments and results go through JSON, `control_plane.current()` speaks of the call, and failures are InvocationFailed.
Limits are not enforced.
"""

from __future__ import annotations

import contextlib
import os
import time
from json import loads
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

from control_plane import context, declarations
from control_plane.commands import Command
from control_plane.errors import InvocationFailed, Refused
from control_plane.functions import Function
from control_plane.invocation import Invocation
from control_plane.local_runs import output_of
from control_plane.options import Options
from control_plane.user_tracebacks import traceback_of

_DEFAULT_TIMEOUT_SECONDS = 3_600
# What comes to code that is not ours from outside is not a failure of the function.
_PASSES = (KeyboardInterrupt, GeneratorExit)


class LocalCaller:
    """`functions`: what can be called beside what was declared, by name."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self._functions = functions or {}
        self._by_key: dict[tuple[str, str], LocalInvocation] = {}

    def submit(
        self, name: str, callee: Function[..., Any] | Command | None, text: str, *, options: Options
    ) -> LocalInvocation:
        """Runs it at once. Raises Refused for one that does not exist."""
        function = self._found(name, callee)
        key = (name, options.idempotency_key or os.urandom(16).hex())
        if key not in self._by_key:
            made = self._by_key[key] = LocalInvocation(name)
            made.run(function, text)
        return self._by_key[key]

    def map(
        self,
        name: str,
        callee: Function[..., Any] | Command | None,
        texts: Iterable[str],
        *,
        ordered: bool,
        return_exceptions: bool,
    ) -> Iterator[Any]:
        made = [self.submit(name, callee, text, options=Options()) for text in [*texts]]
        return (call.outcome(return_exceptions=return_exceptions) for call in made)

    def _found(self, name: str, callee: Function[..., Any] | Command | None) -> Callable[..., Any]:
        function = self._functions.get(name) or callee
        if isinstance(function, Command):
            raise Refused(
                501, "", "%s is a command, which runs a program of its image; that cannot be done here" % name
            )
        if function is None:
            known = sorted({*self._functions, *(one.__name__ for one in declarations.declared)})
            raise Refused(
                404,
                "FunctionDoesNotExist",
                "there is no function %r; there are %s" % (name, ", ".join(known) or "none"),
            )
        return function


class LocalInvocation(Invocation[Any]):
    """It has ended by the time anybody has it."""

    def __init__(self, function_name: str) -> None:
        self.id = "inv-" + os.urandom(16).hex()
        self.function_name = function_name
        self._progress: list[Any] = []
        self._result: Any = None
        self._failure: InvocationFailed | None = None

    def run(self, function: Callable[..., Any], text: str) -> None:
        """Raises nothing that the function raises, but KeyboardInterrupt."""
        execution_id = context.execution_id_of(self.id, 1)
        with entered(function, invocation_id=self.id, function_name=self.function_name):
            try:
                output = output_of(function, text, report=self._report)
                self._result = None if output is None else loads(output)
            except _PASSES:
                raise
            except BaseException as error:
                self._failure = InvocationFailed(
                    type(error).__name__,
                    str(error),
                    traceback=traceback_of(error),
                    attempt=1,
                    execution_id=execution_id,
                    invocation_id=self.id,
                )

    def outcome(self, *, return_exceptions: bool) -> Any:
        if self._failure is not None and return_exceptions:
            return self._failure
        return self.result()

    def result(self, timeout: float | None = None) -> Any:
        if self._failure is not None:
            raise self._failure
        return self._result

    def done(self) -> bool:
        return True

    def status(self) -> str:
        return "SUCCEEDED" if self._failure is None else "FAILED"

    def progress(self, follow: bool = True) -> Iterator[Any]:
        """Every value, as nothing is skipped here; none once it has a result, with `follow=False`."""
        return iter(self._progress if follow else self._progress[-1:] if self._failure else [])

    def cancel(self) -> None:
        """It has ended."""

    def _as_they_end(self, calls: Sequence[Invocation[Any]], timeout: float | None) -> Iterator[Invocation[Any]]:
        return iter(calls)

    def _report(self, text: str) -> None:
        self._progress.append(loads(text))


@contextlib.contextmanager
def entered(function: Callable[..., Any], *, invocation_id: str, function_name: str) -> Iterator[None]:
    """While the block runs, `control_plane.current()` is this invocation's in this thread, and in tasks of it."""
    token = context.of_call.set(variables_of(function, invocation_id=invocation_id, function_name=function_name))
    try:
        yield
    finally:
        context.of_call.reset(token)


def variables_of(function: Callable[..., Any] | None, *, invocation_id: str, function_name: str) -> dict[str, str]:
    """As a container has them."""
    return {
        "MULTINODE_PROJECT_NAME": "local",
        "MULTINODE_VERSION_ID": "ver-local",
        "MULTINODE_FUNCTION_NAME": function_name,
        "MULTINODE_INVOCATION_ID": invocation_id,
        "MULTINODE_EXECUTION_ID": context.execution_id_of(invocation_id, 1),
        context.DEADLINE: str(int(time.time() + timeout_of(function))),
    }


def timeout_of(function: Callable[..., Any] | None) -> float:
    """In seconds."""
    if not isinstance(function, Function):
        return _DEFAULT_TIMEOUT_SECONDS
    seconds: float = function._spec["execution_spec"]["timeout_seconds"]
    return seconds
