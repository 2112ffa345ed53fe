"""What users call things: PROJECT/FUNCTION/INVOCATION, and PROJECT@VERSION where it is not the newest."""

import re
from dataclasses import dataclass

from control_plane.access.errors import WrongUsage
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.paths import LATEST, escaped, function_path

_AT_VERSION = "@ver-"
_BATCH = re.compile("bat-[0-9a-f]{32}")


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
    project, at, version = names[0].partition(_AT_VERSION)
    padded = [*names[1:], None, None]
    return Reference(
        project=project, version=f"ver-{version}" if at else None, function=padded[0], invocation=padded[1]
    )


def parse_project(text: str) -> str:
    """Of a project alone: nothing in it is a version's. Raises WrongUsage."""
    if not text or "/" in text:
        raise WrongUsage(f"{text!r} must look like PROJECT")
    return text


def parse_invocation(text: str) -> Reference:
    """Of an invocation. Raises WrongUsage."""
    reference = parse(text)
    if reference.invocation is None:
        raise WrongUsage(f"{text!r} must look like PROJECT/FUNCTION/INVOCATION, as control-plane invoke prints it")
    return reference
