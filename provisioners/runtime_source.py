"""The files of the package `runtime`, which calls functions in containers. Nothing of the server imports it."""

from importlib.util import find_spec
from pathlib import Path

from domain.errors import Misconfigured

# Where containers have the folder that holds the package.
RUNTIME_PATH = "/opt/control-plane"


def runtime_files() -> tuple[Path, ...]:
    """The modules of the package `runtime` as it is installed now, sorted. Raises Misconfigured."""
    spec = find_spec("runtime")
    if spec is None or spec.origin is None:
        raise Misconfigured("The package `runtime`, which runs functions, is not installed")
    return tuple(sorted(Path(spec.origin).parent.glob("*.py")))
