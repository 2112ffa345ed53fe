"""Throwaway clones."""

import subprocess
from pathlib import Path

from release.checks import Plan
from release.repository import Repository

_SOMEBODY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")


def commit(root: Path) -> None:
    """Everything, on `main`."""
    if not (root / ".git").exists():
        subprocess.run(("git", "init", "--quiet", "--initial-branch=main"), cwd=root, check=True)
    subprocess.run(("git", "add", "--all"), cwd=root, check=True)
    subprocess.run(("git", *_SOMEBODY, "commit", "--quiet", "--message", "A change"), cwd=root, check=True)


def plan_of(root: Path, version: str) -> Plan:
    return Plan(repository=Repository(root=root), version=version, is_tested=True, with_image=False)
