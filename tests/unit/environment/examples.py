"""The example of a deployment's environment, as a file of the product has it."""

import re
from pathlib import Path

import pytest

# Names of settings.
REQUIRED_BY_ALL = ("CONTROL_PLANE_API_KEY", "POSTGRES_DB", "POSTGRES_USER")
REQUIRED_BY_ECS = (
    *("CONTROL_PLANE_API_URL", "AWS_REGION", "CLUSTER_NAME", "SUBNET_IDS", "SECURITY_GROUP_IDS"),
    *("TASK_ROLE_ARN", "EXECUTION_ROLE_ARN", "LOG_GROUP", "CONTAINER_REPOSITORY_NAME"),
)
_FOLDER = Path(__file__).parents[3] / "environment"


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
