"""What users call things: PROJECT/FUNCTION/INVOCATION, and PROJECT@VERSION where it is not the newest."""

from dataclasses import dataclass
from urllib.parse import quote

from control_plane.cli.exits import WrongUsage

LATEST = "latest"
_AT_VERSION = "@ver-"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionPath:
    project: str
    version: str
    function: str

    def __str__(self) -> str:
        return f"{version_path(self.project, self.version)}/functions/{escaped(self.function)}/invocations"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationPath:
    function: FunctionPath
    invocation_id: str

    def __str__(self) -> str:
        return f"{self.function}/{escaped(self.invocation_id)}"


def project_path(project: str) -> str:
    return f"/projects/{escaped(project)}"


def version_path(project: str, version: str) -> str:
    return f"{project_path(project)}/versions/{escaped(version)}"


def escaped(name: str) -> str:
    return quote(name, safe="")


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


def ensure_addressable(project: str) -> None:
    """Raises WrongUsage for a new project's name that could not be named again: it would be read as that of a version
    of another one, or lead elsewhere in a path."""
    if project in ("", ".", "..") or "/" in project:
        raise WrongUsage(f"{project!r} is no name for a project; choose another with --project")
    if _AT_VERSION in project:
        raise WrongUsage(f"{project!r} would be read as a version of a project; choose another name with --project")


def parse_invocation(text: str) -> Reference:
    """Of an invocation. Raises WrongUsage."""
    reference = parse(text)
    if reference.invocation is None:
        raise WrongUsage(f"{text!r} must look like PROJECT/FUNCTION/INVOCATION, as control-plane invoke prints it")
    return reference
