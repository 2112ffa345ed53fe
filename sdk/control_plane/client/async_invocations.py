"""One call that was submitted by an `AsyncClient`, or found again by its id."""

import os
from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from control_plane.client.calls import Call, Calls
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.artifacts import Artifact
from control_plane.protocol.waiting import Deadline

R_co = TypeVar("R_co", covariant=True)


class AsyncInvocation(Generic[R_co]):
    """`id`: `inv-…`. Every method raises Refused and Unreachable."""

    def __init__(self, connection: AsyncConnection, calls: Calls, call: Call) -> None:
        self.id = call.id
        self._connection = connection
        self._calls = calls
        self._call = call

    def __repr__(self) -> str:
        return f"<AsyncInvocation {self.id}>"

    async def result(self, timeout: float | None = None) -> R_co:  # noqa: ASYNC109 - as in Invocation
        """As `Invocation.result`."""
        found: R_co = await self._connection.run(self._calls.result(self._call, Deadline(timeout)))
        return found

    async def done(self) -> bool:
        """Whether `result` need not wait."""
        return await self.status() != "RUNNING"

    async def status(self) -> str:
        """RUNNING, or how it ended: SUCCEEDED, FAILED, CANCELLED, TIMED_OUT or ABORTED."""
        return await self._connection.run(self._calls.status(self._call))

    def progress(self, follow: bool = True) -> AsyncIterator[Any]:
        """As `Invocation.progress`."""
        return self._connection.iterate(self._calls.progress(self._call, follow=follow))

    def logs(self, follow: bool = False) -> AsyncIterator[str]:
        """As `Invocation.logs`."""
        return self._connection.iterate(self._calls.logs(self._call, follow=follow))

    async def artifacts(self) -> list[Artifact]:
        """As `Invocation.artifacts`."""
        return await self._connection.run(self._calls.artifacts(self._call))

    async def download(self, artifact: Artifact, path: str | os.PathLike[str]) -> None:
        """As `Invocation.download`."""
        await self._connection.run(self._calls.download(artifact, path))

    async def cancel(self) -> None:
        """Ask it, and those that it has started, to stop. One that has ended stays as it is."""
        await self._connection.run(self._calls.cancel(self._call))

    async def replay(
        self, *, in_version: str | None = None, idempotency_key: str | None = None
    ) -> "AsyncInvocation[R_co]":
        """As `Invocation.replay`."""
        made = self._calls.replay(self._call, in_version=in_version, idempotency_key=idempotency_key)
        return AsyncInvocation(self._connection, self._calls, await self._connection.run(made))
