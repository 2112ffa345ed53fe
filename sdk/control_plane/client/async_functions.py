"""A deployed function, as an `AsyncClient` calls it."""

from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import aclosing
from typing import Any, Generic, ParamSpec, TypeVar, overload

from control_plane.client.async_invocations import AsyncInvocation
from control_plane.client.callees import split_options
from control_plane.client.calls import Calls
from control_plane.client.connections import AsyncConnection
from control_plane.options import Options

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class AsyncRemoteFunction(Generic[P, R_co]):
    """As RemoteFunction; it is looked up with the first call."""

    def __init__(
        self,
        connection: AsyncConnection,
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
        return f"<async function {self.project}/{self.name}>"

    @overload
    async def submit(
        self: "AsyncRemoteFunction[P, Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs
    ) -> AsyncInvocation[T]: ...

    @overload
    async def submit(
        self: "AsyncRemoteFunction[P, Iterator[Any]]", *args: P.args, **kwargs: P.kwargs
    ) -> AsyncInvocation[Any]: ...

    @overload
    async def submit(
        self: "AsyncRemoteFunction[P, AsyncIterator[Any]]", *args: P.args, **kwargs: P.kwargs
    ) -> AsyncInvocation[Any]: ...

    @overload
    async def submit(
        self: "AsyncRemoteFunction[P, R_co]", *args: P.args, **kwargs: P.kwargs
    ) -> AsyncInvocation[R_co]: ...

    async def submit(self, *args: Any, **kwargs: Any) -> Any:
        """As `RemoteFunction.submit`."""
        options, kwargs = split_options(kwargs)
        options = options.over(self._options)
        plan = self._calls.submit(self.project, self.name, self.version, args=args, kwargs=kwargs, options=options)
        return AsyncInvocation(self._connection, self._calls, await self._connection.run(plan))

    def with_options(self, options: Options) -> "AsyncRemoteFunction[P, R_co]":
        """As `RemoteFunction.with_options`."""
        return AsyncRemoteFunction(
            self._connection,
            self._calls,
            project=self.project,
            name=self.name,
            version=self.version,
            options=options,
        )

    def map(
        self, inputs: Iterable[Any], *, ordered: bool = True, return_exceptions: bool = False
    ) -> AsyncIterator[Any]:
        """As `RemoteFunction.map`; all are submitted when the first result is asked for."""
        return self.starmap(((value,) for value in inputs), ordered=ordered, return_exceptions=return_exceptions)

    async def starmap(
        self, inputs: Iterable[Iterable[Any]], *, ordered: bool = True, return_exceptions: bool = False
    ) -> AsyncIterator[Any]:
        """Like `map`, where each input holds all positional arguments."""
        callee, submitted = await self._connection.run(
            self._calls.mapped(self.project, self.name, self.version, map(tuple, inputs), options=self._options)
        )
        stream = self._calls.map_results(callee, submitted, ordered=ordered, return_exceptions=return_exceptions)
        async with aclosing(self._connection.iterate(stream)) as results:
            async for result in results:
                yield result
