"""Servers and containers are killed, AWS refuses, forgets to answer, and takes its machines back."""

from pathlib import Path

import pytest

from environment.provisioner_names import ProvisionerName
from tests.chaos import short_form
from tests.figures import Show


@pytest.mark.timeout(360)
async def test_nothing_is_lost_doubled_or_left_over(tmp_path: Path, show: Show) -> None:
    # Of this seed the first round of faults is over after 30 s, a paused loop and a silent Temporal among them.
    await short_form.run(tmp_path / "data", ProvisionerName.ECS, show, seed=24518)
