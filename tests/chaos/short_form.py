"""The short form of the fault suite. `make chaos MINUTES=10` is the long one.

CHAOS_SEED=7 chooses another seed. It decides what is done and when, not what is struck by it.
"""

import os
from datetime import timedelta
from pathlib import Path

from environment.provisioner_names import ProvisionerName
from tests.chaos import suite
from tests.chaos.plan import DANGERS
from tests.chaos.silences import Silence
from tests.figures import Show

_DURATION = timedelta(seconds=38)
_SILENCE = Silence(shortest=4.0, longest=8.0)


async def run(folder: Path, provisioner: ProvisionerName, show: Show, *, seed: int) -> None:
    seed = int(os.environ.get("CHAOS_SEED", seed))
    findings = await suite.run(
        folder=folder, provisioner=provisioner, seed=seed, duration=_DURATION, report=lambda _: None, silence=_SILENCE
    )
    show(f"{provisioner}, seed {seed}: {findings.summary()}")
    assert findings.ledger.violations == [], "\n".join(findings.ledger.violations)
    assert DANGERS[provisioner].is_tried(findings.ledger.faults.keys())  # what never happened was not tried
    assert findings.ledger.resumed  # nor a silence
