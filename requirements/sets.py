"""The requirement files, each with all that it takes: every version and every hash.

They are exported from poetry.lock, so that installing needs neither Poetry nor a solver.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "requirements" / "project.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementSet:
    """`groups` and `extras` are those of pyproject.toml; `main` is the group of the project's own dependencies."""

    name: str
    purpose: str
    groups: frozenset[str]
    extras: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """Its path in the repository."""
        return f"requirements/{self.name}.txt"

    @property
    def path(self) -> Path:
        return ROOT / self.file


SERVER = RequirementSet(
    name="server", purpose="What the image holds", groups=frozenset({"main"}), extras=frozenset({"tracing"})
)
STACK = RequirementSet(
    name="stack",
    purpose="What the embedded stack and the demo need",
    groups=frozenset({"main"}),
    extras=frozenset({"embedded", "tracing"}),
)
DEVELOPMENT = RequirementSet(
    name="development",
    purpose="What the tests and the checks need, the embedded stack included",
    groups=frozenset({"main", "dev"}),
    extras=frozenset({"embedded", "tracing"}),
)
INSTALLATION = RequirementSet(
    name="installation", purpose="What installs and builds", groups=frozenset({"installation"})
)
SETS = (SERVER, STACK, DEVELOPMENT, INSTALLATION)
