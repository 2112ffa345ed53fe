"""Functions, their limits and their retries, declared beside their code; `control-plane deploy` reads it.

    from control_plane.declare import command, function

    @function(virtual_cpus=2, memory_gbs=8, max_retries=3, timeout_seconds=7200)
    def train(rows): ...

    command("sort", ["sort", "--numeric-sort"], docker_image="debian:12")

A declared function is the function itself: it can be called and tested as if it had not been declared.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Sequence, TypedDict, TypeVar, overload

if TYPE_CHECKING:
    from typing import Unpack  # since Python 3.11; nothing at run time needs it

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


class Limits(TypedDict, total=False):
    """What a function gets. Bounds, and the defaults of the back-off, are those of the REST API, which checks them."""

    virtual_cpus: float  # default 0.25
    memory_gbs: float  # default 0.5; 1 GB = 1,024 MiB
    max_concurrency: int  # containers at once; default 10
    timeout_seconds: int  # from the invocation's creation on, all attempts included; default an hour
    max_retries: int  # after the first attempt; default 0
    retry_initial_interval_seconds: float
    retry_backoff_coefficient: float
    retry_max_interval_seconds: float
    docker_image: str  # default: the one that is deployed


class Declaration(NamedTuple):
    """`spec`: a FunctionSpec of the REST API. `function` is None for a command. `place`: file and line."""

    spec: dict[str, Any]
    function: Callable[..., Any] | None
    place: str


# In the order in which they were made.
declarations: list[Declaration] = []

_RESOURCES: dict[str, Any] = {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": 10}
_EXECUTION: dict[str, Any] = {"max_retries": 0, "timeout_seconds": 3_600}
_BACK_OFF = ("retry_initial_interval_seconds", "retry_backoff_coefficient", "retry_max_interval_seconds")


@overload
def function(declared: AnyFunction) -> AnyFunction: ...


@overload
def function(**limits: Unpack[Limits]) -> Callable[[AnyFunction], AnyFunction]: ...


def function(declared: Any = None, **limits: Unpack[Limits]) -> Any:
    """A decorator, with limits or bare: invocations may call this function, which must be a top-level one of main.py.

    Raises TypeError for a limit that does not exist.
    """
    place = _caller()
    fields = _fields(limits)

    def declare(declared: AnyFunction) -> AnyFunction:
        declarations.append(Declaration({"function_name": declared.__name__, **fields}, declared, place))
        return declared

    return declare if declared is None else declare(declared)


def command(name: str, words: Sequence[str], **limits: Unpack[Limits]) -> None:
    """Invocations of this name run a program of the image, which knows nothing of us: its words, without a shell.

    Raises TypeError for words that are one string, and for a limit that does not exist.
    """
    if isinstance(words, str):
        raise TypeError('a command is a list of words: ["sh", "-c", %r] runs a line of shell' % words)
    declarations.append(
        Declaration({"function_name": name, "command": list(words), **_fields(limits)}, None, _caller())
    )


def _fields(limits: Limits) -> dict[str, Any]:
    given: dict[str, Any] = {**limits}
    unknown = sorted(set(given) - set(Limits.__annotations__))
    if unknown:
        raise TypeError("there is no limit %r; there are %s" % (unknown[0], ", ".join(Limits.__annotations__)))
    fields: dict[str, Any] = {
        "resource_spec": {name: given.get(name, default) for name, default in _RESOURCES.items()},
        "execution_spec": {
            **{name: given.get(name, default) for name, default in _EXECUTION.items()},
            **{name: given[name] for name in _BACK_OFF if name in given},
        },
    }
    if "docker_image" in given:
        fields["docker_image_override"] = given["docker_image"]
    return fields


def _caller() -> str:
    """The line of the user's file that called into this module."""
    frame = sys._getframe(2)
    return "%s:%d" % (os.path.basename(frame.f_code.co_filename), frame.f_lineno)
