"""What users call things: PROJECT/FUNCTION/INVOCATION, PROJECT@VERSION where it is not the newest, and ids alone."""

import re
from dataclasses import dataclass, replace
from shlex import quote

from control_plane.access.errors import WrongUsage
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.paths import LATEST, escaped, function_path

_AT_VERSION = "@ver-"
_AT_LATEST = re.compile("@latest$", re.IGNORECASE)  # as the API takes it
_ANY_VERSION = re.compile("@(latest|ver-[0-9a-f]{6,32})$", re.IGNORECASE)
_BATCH = re.compile("bat-[0-9a-f]{32}")
_INVOCATION = re.compile("inv-[0-9a-f]{6,32}")
_WHOLE = len("inv-") + 32
LAST = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Parts that were left out are None."""

    project: str
    version: str | None = None
    function: str | None = None
    invocation: str | None = None

    def __str__(self) -> str:
        project = self.project if self.version is None else f"{self.project}@{self.version}"
        return "/".join(part for part in (project, self.function, self.invocation) if part is not None)

    @property
    def function_path(self) -> str:
        """In the API, of a reference that has a function."""
        assert self.function is not None
        return function_path(self.project, self.version or LATEST, self.function)

    @property
    def invocation_path(self) -> str:
        """In the API, of a reference that has an invocation."""
        assert self.invocation is not None
        return f"{self.function_path}/invocations/{escaped(self.invocation)}"


def reference_of(invocation: InvocationInfo) -> Reference:
    """As it is found in whatever version it is."""
    return Reference(
        project=invocation.project_name, function=invocation.function_name, invocation=invocation.invocation_id
    )


def is_batch(text: str) -> bool:
    """Whether it is a batch's id, which needs no project."""
    return _BATCH.fullmatch(text) is not None


def parse(text: str, *, parts: int = 3) -> Reference:
    """At most so many parts, a project always. Raises WrongUsage."""
    names = text.split("/")
    shape = "/".join(("PROJECT", "FUNCTION", "INVOCATION")[:parts])
    if len(names) > parts or not all(names):
        raise WrongUsage(f"{text!r} must look like {shape}")
    project, at, version = _AT_LATEST.sub("", names[0]).partition(_AT_VERSION)
    if not project:
        raise WrongUsage(f"{text!r} must look like {shape}")
    padded = [*names[1:], None, None]
    return Reference(
        project=project, version=f"ver-{version}" if at else None, function=padded[0], invocation=padded[1]
    )


def parse_called(what: str, function: str | None, *, verb: str) -> tuple[Reference, str | None]:
    """Of a function that is to be called: PROJECT FUNCTION, or PROJECT/FUNCTION and then whatever comes next, which is
    returned as the second. Raises WrongUsage."""
    if "/" in what:
        reference = parse(what, parts=2)
        return reference, function
    reference = parse(what, parts=1)
    if not function:
        raise WrongUsage(f"name the function, too: control-plane {verb} {quote(what)} FUNCTION")
    return replace(reference, function=function), None


def parse_project(text: str) -> str:
    """Of a project alone: nothing in it is a version's. Raises WrongUsage."""
    if not text or "/" in text:
        raise WrongUsage(f"{text!r} must look like PROJECT")
    return _AT_LATEST.sub("", text)


def names_version(text: str) -> bool:
    """Whether a reference says of which version, `latest` too."""
    return _ANY_VERSION.search(text.partition("/")[0]) is not None


def parse_whole_project(text: str, *, verb: str) -> str:
    """Of a project with all its versions: one that names a version means something else. Raises WrongUsage."""
    found = _ANY_VERSION.search(text)
    if found is not None:
        raise WrongUsage(
            f"{verb} takes a project with all its versions, and {text!r} names one of them; "
            f"to go back to an older one: control-plane rollback {quote(text[: found.start()])}"
        )
    return parse_project(text)


def parse_invocation(text: str) -> Reference | str:
    """Of an invocation: a reference, or what is enough by itself: its id, the beginning of that (`inv-` and 6 digits or
    more), or `-` for the last one. Raises WrongUsage."""
    if text == LAST or is_invocation_id(text):
        return text
    reference = parse(text)
    if reference.invocation is None:
        raise WrongUsage(
            f"{text!r} must look like PROJECT/FUNCTION/INVOCATION, or be an invocation's id, "
            "its first 6 digits or more (inv-1a2b3c), or - for the last one that was made here"
        )
    return reference


def is_invocation_id(text: str) -> bool:
    """Whether it is an invocation's id, or the beginning of one that says so."""
    return _INVOCATION.fullmatch(text) is not None


def is_whole(invocation_id: str) -> bool:
    """Whether nothing of the id is left out."""
    return len(invocation_id) >= _WHOLE
