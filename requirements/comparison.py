"""`python -m requirements.comparison`: whether poetry.lock is of pyproject.toml, and the files here of poetry.lock.

Prints a line for each that is not. Needs neither Poetry nor a network.
"""

import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from requirements.sets import ROOT, SETS, RequirementSet

# Of a requirement, by its name and its version: the hashes that it may have.
Requirements = dict[tuple[str, str], frozenset[str]]

_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


def main() -> int:
    lines = list(differences(ROOT, SETS))
    for line in lines:
        print(line, file=sys.stderr)
    return 1 if lines else 0


def differences(root: Path, sets: tuple[RequirementSet, ...]) -> Iterator[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    lock = tomllib.loads((root / "poetry.lock").read_text())
    if lock["metadata"]["content-hash"] != content_hash(project):
        yield "poetry.lock is not of this pyproject.toml: run `make lock`"
    for compared in sets:
        expected, found = locked(lock, compared), read(root / compared.file)
        names = sorted({name for name, version in expected.keys() ^ found.keys()})
        names += sorted(
            {
                name
                for name, version in expected.keys() & found.keys()
                if expected[name, version] != found[name, version]
            }
        )
        if names:
            named = ", ".join(names)
            yield f"{compared.file} is not what poetry.lock says of {named}: run `make lock`"


def locked(lock: Mapping[str, Any], wanted: RequirementSet) -> Requirements:
    return {
        (package["name"], package["version"]): frozenset(file["hash"] for file in package["files"])
        for package in lock["package"]
        if package.get("source", {}).get("type") != "directory"  # of this repository, and not locked
        and any(_is_for(package, group, wanted.extras) for group in wanted.groups)
    }


def read(path: Path) -> Requirements:
    """Of what is not pinned to a version, and of what has no hash, the version or the hashes are none."""
    requirements: Requirements = {}
    lines = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
    for requirement in lines.replace("\\\n", " ").splitlines():
        match = _REQUIREMENT.match(requirement)
        name, version = (match["name"], match["version"]) if match else (requirement, "")
        requirements[name, version] = frozenset(_HASH.findall(requirement))
    return requirements


def content_hash(project: Mapping[str, Any]) -> str:
    """What Poetry notes of pyproject.toml in its lock file: poetry/packages/locker.py, _get_content_hash."""
    declared, poetry = project["project"], project["tool"]["poetry"]
    relevant: dict[str, Any] = {
        "project": {
            key: declared[key]
            for key in ("requires-python", "dependencies", "optional-dependencies")
            if key in declared
        },
        "tool": {
            "poetry": {
                key: poetry[key]
                for key in ("dependencies", "source", "extras", "dev-dependencies", "group")
                if key in poetry
            }
        },
    }
    if "dependency-groups" in project:
        relevant["dependency-groups"] = project["dependency-groups"]
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def _is_for(package: Mapping[str, Any], group: str, extras: frozenset[str]) -> bool:
    """Whether a group holds it, and if only some extras need it, one of these is among them."""
    if group not in package["groups"]:
        return False
    markers = package.get("markers", "")
    marker = markers.get(group, "") if isinstance(markers, dict) else markers
    needed_by = set(re.findall(r'extra == "([^"]+)"', marker))
    return not needed_by or not needed_by.isdisjoint(extras)


if __name__ == "__main__":
    sys.exit(main())
