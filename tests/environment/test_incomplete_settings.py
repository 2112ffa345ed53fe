"""Processes whose settings are incomplete say so, a line for each that is missing, and end."""

import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.unit.environment.examples import REQUIRED_BY_ALL, REQUIRED_BY_ECS


@pytest.mark.parametrize("program", ["api", "loop"])
def test_both_processes_say_it_and_end(program: str) -> None:
    command = Path(sysconfig.get_path("scripts")) / program
    refused = subprocess.run([command, "--provisioner=ecs"], env={}, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == len((*REQUIRED_BY_ALL, *REQUIRED_BY_ECS))
