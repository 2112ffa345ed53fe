"""What `import control_plane` gives, as Markdown, from its docstrings:
`python -m control_plane_server.cli.client_reference docs/client-reference.md`."""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import control_plane
from control_plane.client.async_functions import AsyncRemoteFunction
from control_plane.client.async_invocations import AsyncInvocation
from control_plane.client.batches import Batch
from control_plane.client.functions import RemoteFunction
from control_plane.client.invocations import ClientInvocation
from control_plane.client.listing import ProjectInvocation
from control_plane.protocol import answers
from control_plane.protocol.results import Result

_HEAD = """\
# Reference of the client

Made of the docstrings by `make reference`. [client.md](client.md) is the tour;
[writing-functions.md](writing-functions.md) is about declarations.

All of this is `import control_plane as cp`. What clients give out is described where it is given out.
"""
_CLIENTS = ("Client", "AsyncClient")
_MADE_BY_USERS = ("cp.Client", "cp.AsyncClient", "cp.Options", "cp.Reuse")
_GIVEN_OUT = (
    RemoteFunction,
    ClientInvocation,
    Batch,
    Result,
    ProjectInvocation,
    AsyncRemoteFunction,
    AsyncInvocation,
)
_ANSWERS = (
    answers.Project,
    answers.Version,
    answers.FunctionInfo,
    answers.ListedVersion,
    answers.BatchInfo,
    answers.FailureGroup,
    answers.Secret,
)
_QUALIFIED = re.compile(r"\b(?:[A-Za-z_]\w*\.)+(\w+)|[~+](\w+)")
_QUOTED = re.compile(r"(: |-> )'([^']+)'")


def reference() -> str:
    """The whole page."""
    parts = [_HEAD, "## For applications\n"]
    parts += [part for name in _CLIENTS for part in _class(f"cp.{name}", getattr(control_plane, name))]
    parts += ["## What clients give out\n"]
    parts += [part for cls in _GIVEN_OUT for part in _class(cls.__name__, cls)]
    parts += ["### Answers of the API\n", inspect.cleandoc(answers.Answer.__doc__ or "") + "\n"]
    parts += [_fields(cls) for cls in _ANSWERS]
    parts += ["## In functions, and for their tests\n"]
    parts += [part for name in _others() for part in _described(f"cp.{name}", getattr(control_plane, name))]
    return "\n".join(parts)


def _others() -> list[str]:
    return [name for name in control_plane.__all__ if name not in _CLIENTS]


def _described(name: str, thing: Any) -> Iterator[str]:
    if isinstance(thing, ModuleType):
        yield f"### {name}\n\n{_text(thing)}\n"
        for each, function in vars(thing).items():
            if inspect.isfunction(function) and function.__module__ == thing.__name__ and each[0] != "_":
                yield f"#### {name}.{each}{_signature(function)}\n\n{_text(function)}\n"
    elif inspect.isclass(thing) and not issubclass(thing, BaseException):
        yield from _class(name, thing)
    elif inspect.isclass(thing):
        yield f"### {name}\n\n{_text(thing)}\n"
    else:
        yield f"### {name}{_signature(thing)}\n\n{_text(thing)}\n"


def _class(name: str, cls: type) -> Iterator[str]:
    yield f"### {name}\n\n{_text(cls)}\n"
    if issubclass(cls, (tuple, answers.Answer)):
        yield _fields(cls)
        return
    if name in _MADE_BY_USERS:
        yield _method(name.rpartition(".")[2], cls.__init__)
    for each, member in vars(cls).items():
        if each[0] == "_":
            continue
        if inspect.isfunction(member):
            yield _method(each, member)
        elif isinstance(member, property) and member.__doc__:
            yield f"- **`{each}`** {_line(member)}\n"


def _method(name: str, function: Any) -> str:
    waits = "await " if inspect.iscoroutinefunction(function) else ""
    return f"- **`{waits}{name}{_signature(function)}`** {_line(function)}\n"


def _fields(cls: type) -> str:
    names = [name for name in inspect.get_annotations(cls) if name[0] != "_"]
    for base in cls.__mro__:
        names += [name for name, member in vars(base).items() if isinstance(member, property) and name not in names]
    return f"- **`{cls.__name__}`** {', '.join(f'`{name}`' for name in names)}\n"


def _signature(function: Any) -> str:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    parameters = [each for name, each in signature.parameters.items() if name not in ("self", "_error")]
    shown = str(signature.replace(parameters=parameters))
    return _QUALIFIED.sub(lambda found: found[1] or found[2], _QUOTED.sub(r"\1\2", shown)).removesuffix(" -> None")


def _text(thing: Any) -> str:
    return inspect.cleandoc(thing.__doc__ or "")


def _line(thing: Any) -> str:
    """Paragraphs of a list's item."""
    return "\n\n  ".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", _text(thing)))


def main() -> None:
    Path(sys.argv[1]).write_text(reference())


if __name__ == "__main__":
    main()
