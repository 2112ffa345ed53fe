"""Servers, sessions and containers are killed, a loop is paused, and servers fall silent."""

from pathlib import Path

import pytest

from environment.provisioner_names import ProvisionerName
from tests.chaos import short_form
from tests.figures import Show


@pytest.mark.timeout(360)
async def test_nothing_is_lost_doubled_or_left_over(tmp_path: Path, show: Show) -> None:
    # Of this seed the first round of faults is over after 30 s, a paused loop and a silent PostgreSQL among them.
    await short_form.run(tmp_path / "data", ProvisionerName.PROCESS, show, seed=2604)
