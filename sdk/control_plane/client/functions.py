"""A deployed function, as a `Client` calls it."""

from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, Generic, ParamSpec, TypeVar, overload

from control_plane.client.callees import split_options
from control_plane.client.calls import Calls
from control_plane.client.connections import Connection
from control_plane.client.invocations import ClientInvocation
from control_plane.options import Options

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class RemoteFunction(Generic[P, R_co]):
    """`project`, `name`, `version`: what is called; `latest` is the newest version at the moment of each call."""

    def __init__(
        self,
        connection: Connection,
        calls: Calls,
        *,
        project: str,
        name: str,
        version: str,
        options: Options | None = None,
    ) -> None:
        self.project = project
        self.name = name
        self.version = version
        self._connection = connection
        self._calls = calls
        self._options = options or Options()

    def __repr__(self) -> str:
        return f"<function {self.project}/{self.name}>"

    @overload
    def submit(
        self: "RemoteFunction[P, Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs
    ) -> ClientInvocation[T]: ...

    @overload
    def submit(
        self: "RemoteFunction[P, Iterator[Any]]", *args: P.args, **kwargs: P.kwargs
    ) -> ClientInvocation[Any]: ...

    @overload
    def submit(
        self: "RemoteFunction[P, AsyncIterator[Any]]", *args: P.args, **kwargs: P.kwargs
    ) -> ClientInvocation[Any]: ...

    @overload
    def submit(self: "RemoteFunction[P, R_co]", *args: P.args, **kwargs: P.kwargs) -> ClientInvocation[R_co]: ...

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Start an invocation with these arguments; a keyword `options` may hold Options.

        Raises TypeError for arguments that it does not take, Refused and Unreachable. Repeated after a lost answer, it
        is the same invocation.
        """
        options, kwargs = split_options(kwargs)
        options = options.over(self._options)
        plan = self._calls.submit(self.project, self.name, self.version, args=args, kwargs=kwargs, options=options)
        return ClientInvocation(self._connection, self._calls, self._connection.run(plan))

    def with_options(self, options: Options) -> "RemoteFunction[P, R_co]":
        """The same function, whose calls have these options: for a `submit` whose arguments a type checker is to
        see."""
        return RemoteFunction(
            self._connection,
            self._calls,
            project=self.project,
            name=self.name,
            version=self.version,
            options=options,
        )

    def map(self, inputs: Iterable[Any], *, ordered: bool = True, return_exceptions: bool = False) -> Iterator[Any]:
        """Results of one invocation for each input, which is its only argument.

        All are submitted before this returns, in batches of up to 10,000. `ordered`: in the order of the inputs, which
        keeps those that end before their turn; else as they end, batch by batch. The first failure is raised in its
        turn, or with `return_exceptions` given in place of the result. Whoever stops reading leaves them running.
        """
        return self.starmap(((value,) for value in inputs), ordered=ordered, return_exceptions=return_exceptions)

    def starmap(
        self, inputs: Iterable[Iterable[Any]], *, ordered: bool = True, return_exceptions: bool = False
    ) -> Iterator[Any]:
        """Like `map`, where each input holds all positional arguments."""
        callee, submitted = self._connection.run(
            self._calls.mapped(self.project, self.name, self.version, map(tuple, inputs), options=self._options)
        )
        return self._connection.iterate(
            self._calls.map_results(callee, submitted, ordered=ordered, return_exceptions=return_exceptions)
        )
