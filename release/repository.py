"""The clone that a release is made from."""

import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    root: Path

    def text(self, path: str) -> str:
        return (self.root / path).read_text()

    def git(self, *arguments: str) -> str:
        """What it prints. Raises CalledProcessError."""
        return subprocess.run(
            ("git", *arguments), cwd=self.root, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def commit_of(self, tag: str) -> str | None:
        """None if there is no such tag."""
        run = subprocess.run(
            ("git", "rev-parse", "--quiet", "--verify", f"refs/tags/{tag}^{{commit}}"),
            cwd=self.root,
            check=False,
            stdout=subprocess.PIPE,
            text=True,
        )
        return run.stdout.strip() or None

    def projects(self) -> dict[str, Any]:
        """Each pyproject.toml, by its path: that of the server, and of whatever else has one in a folder of its own."""
        return {
            path: tomllib.loads(self.text(path))
            for path in self.git("ls-files", "pyproject.toml", "*/pyproject.toml").splitlines()
            if path.count("/") <= 1
        }
