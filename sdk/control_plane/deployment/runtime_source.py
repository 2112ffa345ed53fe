"""The files of this package: what containers need of it to call functions, whatever else is in their image."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def runtime_files() -> tuple[Path, ...]:
    """The package's modules as it is installed now, as paths below PACKAGE, sorted."""
    return tuple(sorted(file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py")))
