"""The example of a deployment's environment, as a file of the product has it."""

import re
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "environment"


class Example:
    def __init__(self, name: str) -> None:
        self._file = _FOLDER / name

    def variables(self, *, with_optional: bool = False) -> dict[str, str]:
        """Optional ones stand in comments."""
        pattern = r"#?([A-Z_]+)=(.*)" if with_optional else r"([A-Z_]+)=(.*)"
        lines = self._file.read_text().splitlines()
        return {found[1]: found[2] for line in lines if (found := re.fullmatch(pattern, line))}

    def hold(self, environment: pytest.MonkeyPatch) -> None:
        """Have the environment say what the example says, and nothing else of ours."""
        for name in self.variables(with_optional=True):
            environment.delenv(name, raising=False)
        for name, value in self.variables().items():
            environment.setenv(name, value)
