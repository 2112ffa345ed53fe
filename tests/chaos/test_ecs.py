"""Servers and containers are killed, servers fall silent, AWS refuses, forgets to answer, and takes machines back."""

from pathlib import Path

import pytest

from environment.provisioner_names import ProvisionerName
from tests.chaos import short_form
from tests.figures import Show


@pytest.mark.timeout(360)
async def test_nothing_is_lost_doubled_or_left_over(tmp_path: Path, show: Show) -> None:
    # Of this seed the first round of faults is over after 29 s. A silent PostgreSQL is among them, and a loop that is
    # paused after 3 s, for longer than a heartbeat timeout.
    await short_form.run(tmp_path / "data", ProvisionerName.ECS, show, seed=70864)
