"""The files that `control-plane init` writes; `{VERSION}` is this package's, other braces stand doubled."""

_MAIN = '''\
"""The functions of this project; `control-plane deploy .` declares them."""

import control_plane as cp


@cp.function(memory_gb=0.5, retries=2, timeout=60)
def greet(name: str, times: int = 1) -> str:
    """Runs in a container of its own; what it returns is the result."""
    return " ".join([f"Hello, {{name}}!"] * times)


@cp.function(timeout=300)
def greet_all(names: list) -> list:
    """Calls the other one, a container for each name."""
    return list(greet.map(names))
'''

_TEST = '''\
"""Functions are tested like any others; those that call others, without a server."""

import control_plane as cp
from main import greet, greet_all


def test_greet() -> None:
    assert greet("Ada", times=2) == "Hello, Ada! Hello, Ada!"


def test_greet_all() -> None:
    with cp.testing.local():
        assert greet_all(["Ada", "Alan"]) == ["Hello, Ada!", "Hello, Alan!"]
'''

_DOCKERFILE = """\
# For stacks that run images: control-plane deploy . --build
FROM python:3.13-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
CMD ["python", "-m", "control_plane"]
"""

_REQUIREMENTS = """\
# What the functions need. control-plane-client itself needs nothing.
control-plane-client=={VERSION}
"""

# So that the test finds main.py, wherever pytest is called.
_CONFTEST = """\
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
"""

_GITIGNORE = """\
.venv/
__pycache__/
.pytest_cache/
.control-plane/
"""

FILES = {
    "main.py": _MAIN,
    "tests/conftest.py": _CONFTEST,
    "tests/test_main.py": _TEST,
    "Dockerfile": _DOCKERFILE,
    "requirements.txt": _REQUIREMENTS,
    ".gitignore": _GITIGNORE,
}
