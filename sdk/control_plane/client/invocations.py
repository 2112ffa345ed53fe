"""One call that was submitted by a `Client`, or found again by its id."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from control_plane.client.calls import Call, Calls
from control_plane.client.connections import Connection
from control_plane.invocation import Invocation
from control_plane.protocol.artifacts import Artifact
from control_plane.protocol.waiting import Deadline

R_co = TypeVar("R_co", covariant=True)


class ClientInvocation(Invocation[R_co]):
    """May be used by any thread, and by copies of the process. Every method raises Refused and Unreachable."""

    def __init__(self, connection: Connection, calls: Calls, call: Call) -> None:
        self.id = call.id
        self._connection = connection
        self._calls = calls
        self._call = call

    def __repr__(self) -> str:
        return f"<Invocation {self.id}>"

    @property
    def function_name(self) -> str:  # type: ignore[override]  # found out only if somebody asks
        """What it calls."""
        info = self._call.info or self._connection.run(self._calls.look(self._call))
        return info.function_name

    def result(self, timeout: float | None = None) -> R_co:
        """What the function returned, as plain JSON; of a command the text that it wrote. Waits for it, at most
        `timeout` seconds.

        Raises InvocationFailed, InvocationCancelled or InvocationTimedOut, and TimeoutError if it has not ended by
        then: it goes on.
        """
        found: R_co = self._connection.run(self._calls.result(self._call, Deadline(timeout)))
        return found

    def done(self) -> bool:
        """Whether `result` need not wait."""
        return self.status() != "RUNNING"

    def status(self) -> str:
        """RUNNING, or how it ended: SUCCEEDED, FAILED, CANCELLED, TIMED_OUT or ABORTED."""
        return self._connection.run(self._calls.status(self._call))

    def progress(self, follow: bool = True) -> Iterator[Any]:
        """What the function yields or reports, as plain JSON, until it has ended; values that follow each other within
        half a second may be skipped. With `follow=False` the newest one, if there is any."""
        return self._connection.iterate(self._calls.progress(self._call, follow=follow))

    def logs(self, follow: bool = False) -> Iterator[str]:
        """What its containers have written, line by line, all attempts so far; with `follow` on until it has ended."""
        return self._connection.iterate(self._calls.logs(self._call, follow=follow))

    def artifacts(self) -> list[Artifact]:
        """The files that its containers have kept with `cp.artifacts.put`, by their names, of all attempts."""
        return self._connection.run(self._calls.artifacts(self._call))

    def download(self, artifact: Artifact, path: str | os.PathLike[str]) -> None:
        """Write one of them into a file, which is there once it is whole. Raises OSError."""
        self._connection.run(self._calls.download(artifact, path))

    def cancel(self) -> None:
        """Ask it, and those that it has started, to stop. One that has ended stays as it is."""
        self._connection.run(self._calls.cancel(self._call))

    def replay(self, *, in_version: str | None = None, idempotency_key: str | None = None) -> "ClientInvocation[R_co]":
        """The same input once more, if it has ended, however: a new invocation with the same options but for a delay.

        `in_version`: a version's id, or `latest`; without one, in the version in which it ran.
        """
        made = self._calls.replay(self._call, in_version=in_version, idempotency_key=idempotency_key)
        return ClientInvocation(self._connection, self._calls, self._connection.run(made))

    def _as_they_end(self, calls: Sequence[Invocation[Any]], timeout: float | None) -> Iterator[Invocation[Any]]:
        ours: dict[int, ClientInvocation[Any]] = {}
        for call in calls:
            if not isinstance(call, ClientInvocation):
                raise TypeError(f"{call!r} is no call of a client, which alone are awaited together")
            ours[id(call._call)] = call
        stream = self._calls.as_they_end((call._call for call in ours.values()), Deadline(timeout))
        return (ours[id(call)] for call in self._connection.iterate(stream))
