"""One call that was submitted, as its caller sees it: the same in containers, in applications and in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Sequence

if TYPE_CHECKING:
    from typing_extensions import Generic, TypeVar

    R_co = TypeVar("R_co", covariant=True)
else:
    from control_plane.generics import Generic

    R_co = None


class Invocation(Generic[R_co]):
    """`id`: `inv-…`, good for finding it again from anywhere. `function_name`: what it calls.

    May be used by any thread, and by copies of the process that are made later. Its methods raise
    `control_plane.Refused` and `control_plane.Unreachable`.
    """

    id: str
    function_name: str

    def result(self, timeout: float | None = None) -> R_co:
        """What the function returned, as plain JSON; waits for it, at most `timeout` seconds.

        Raises InvocationFailed or one of its kinds, and TimeoutError if it has not ended by then.
        """
        raise NotImplementedError

    def done(self) -> bool:
        """Whether `result` need not wait."""
        raise NotImplementedError

    def status(self) -> str:
        """RUNNING, or how it ended: SUCCEEDED, FAILED, CANCELLED or TIMED_OUT."""
        raise NotImplementedError

    def progress(self, follow: bool = True) -> Iterator[Any]:
        """What the function yields, the newest value each time, until it has ended; values may be skipped. With
        `follow=False` the newest one, if there is any."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Ask it to stop. One that has ended stays as it is."""
        raise NotImplementedError

    def _as_they_end(self, calls: Sequence[Invocation[Any]], timeout: float | None) -> Iterator[Invocation[Any]]:
        """All of these, which are of this one's kind, in the order in which they end. Raises TimeoutError."""
        raise NotImplementedError
