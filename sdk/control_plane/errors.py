"""What goes wrong between a caller and its invocations, and what stops running code.

ControlPlaneError
├─ Refused                  the control plane said no; repeating would not help
├─ Unreachable              it did not answer for as long as we were willing to wait
└─ InvocationFailed         the function did not succeed
   ├─ InvocationCancelled
   └─ InvocationTimedOut
DoNotRetry                  raised by the function's own code, where no other attempt can help
Stopped                     raised in the function's own code, when the control plane wants it to stop
├─ Cancelled
└─ TimedOut
"""

from __future__ import annotations

from typing import Any, Callable, Mapping


class ControlPlaneError(Exception):
    """The root of what callers of this package may want to catch."""


class Refused(ControlPlaneError):
    """`status`: of HTTP. `code`: the error's name in the API's catalogue, "" where it has none. `detail`: one line.

    `is_repeat`: an earlier try of the same request got no clear answer, and may have been carried out.
    """

    def __init__(self, status: int, code: str, detail: str, *, is_repeat: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.is_repeat = is_repeat

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return type(self), (self.status, self.code, self.detail)


class Unreachable(ControlPlaneError):
    """The text says what was tried last, and what to look at."""


class RemoteTraceback(Exception):
    """The traceback of a function that ran elsewhere, as a cause, so that Python prints it above ours."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return '\n"""\n%s"""' % self.text


class InvocationFailed(ControlPlaneError):
    """The function did not succeed, all its attempts included.

    `type` and `message` are those of the exception that its last attempt raised, None and all that is known where it
    raised none. `traceback` is the function's own, None where there is none. `attempt` counts from 1, and is 0 where
    nothing was run; `execution_id` is then None.
    """

    def __init__(
        self,
        type: str | None,
        message: str,
        *,
        traceback: str | None = None,
        attempt: int = 0,
        execution_id: str | None = None,
        invocation_id: str,
    ) -> None:
        said = "%s: %s" % (type, message) if type else message
        attempts = ", attempt %d" % attempt if attempt > 1 else ""
        super().__init__("%s (%s%s)" % (said or self._ENDED, invocation_id, attempts))
        self.type = type
        self.message = message
        self.traceback = traceback
        self.attempt = attempt
        self.execution_id = execution_id
        self.invocation_id = invocation_id
        if traceback:
            self.__cause__ = RemoteTraceback(traceback)

    _ENDED = "failed without saying why"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _revived, (
            self.__class__,
            self.type,
            self.message,
            self.traceback,
            self.attempt,
            self.execution_id,
            self.invocation_id,
        )


class InvocationCancelled(InvocationFailed):
    """Somebody cancelled it, or its parent."""

    _ENDED = "was cancelled"


class InvocationTimedOut(InvocationFailed):
    """It took longer than its function may, all its attempts included."""

    _ENDED = "took longer than its function may"


class DoNotRetry(Exception):
    """To be raised by a function of which no other attempt can help: the invocation fails at once, whatever `retries`
    are left. What it was raised from stands in the traceback."""


class Stopped(BaseException):
    """Raised where a function's code is when the control plane wants it to stop; code may catch it to tidy up.

    Not an Exception, so that `except Exception` in a library does not swallow it.
    """


class Cancelled(Stopped):
    """Somebody cancelled the invocation."""


class TimedOut(Stopped):
    """The invocation took longer than its function may."""


_CLASSES = {"CANCELLED": InvocationCancelled, "TIMED_OUT": InvocationTimedOut}


def failure_of(result: Mapping[str, Any]) -> ControlPlaneError:
    """The exception that a line of results stands for, whose outcome is not SUCCEEDED.

    It has the fields of the REST API's streams of results: invocation_id, outcome, error_message, error_traceback,
    execution_id, attempts. Of an invocation that does not exist the outcome is None.
    """
    said = result.get("error_message") or ""
    if result["outcome"] is None:
        return Refused(404, "InvocationDoesNotExist", said or "This invocation does not exist")
    name, colon, rest = said.partition(": ")
    is_exception = bool(colon) and name.replace(".", "_").isidentifier()
    return _CLASSES.get(result["outcome"], InvocationFailed)(
        name if is_exception else None,
        rest if is_exception else said,
        traceback=result.get("error_traceback"),
        attempt=result.get("attempts") or 0,
        execution_id=result.get("execution_id"),
        invocation_id=result["invocation_id"],
    )


def _revived(  # noqa: PLR0917 - what pickle calls gets no keywords
    cls: type[InvocationFailed],
    type_: str | None,
    message: str,
    traceback: str | None,
    attempt: int,
    execution_id: str | None,
    invocation_id: str,
) -> InvocationFailed:
    """Exceptions with keyword arguments do not come back from another process by themselves."""
    return cls(
        type_,
        message,
        traceback=traceback,
        attempt=attempt,
        execution_id=execution_id,
        invocation_id=invocation_id,
    )
