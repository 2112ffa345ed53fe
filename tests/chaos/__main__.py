"""`python -m tests.chaos`: a run of the fault suite of any length. Exit status 1 if anything was violated."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

from control_plane.cli.output import note, print_text
from control_plane.cli.signals import StopRequested, StopSignals

from environment.provisioner_names import ProvisionerName
from tests.chaos import suite


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description="Kills whatever can be killed, and looks what is lost.")
    parser.add_argument("--minutes", type=float, default=10.0, help="of load and faults")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--provisioner", type=ProvisionerName, default=ProvisionerName.PROCESS, choices=ProvisionerName)
    parser.add_argument("--replace-temporal", action="store_true", help="by an empty one, once, in the middle")
    parser.add_argument("--reuse", action="store_true", help="most functions keep their containers")
    parser.add_argument("--keep", action="store_true", help="leave the folder, with all logs, even if nothing is wrong")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cp-chaos-"))
    _say(f"seed {arguments.seed}, {arguments.minutes:g} minutes, {arguments.provisioner}, in {folder}")
    run = suite.run(
        folder=folder / "data",
        provisioner=arguments.provisioner,
        seed=arguments.seed,
        duration=timedelta(minutes=arguments.minutes),
        report=note,
        replaces_temporal=arguments.replace_temporal,
        is_reusing=arguments.reuse,
    )
    try:
        findings = asyncio.run(_until_stopped(run))
    except StopRequested:
        return 1
    for violation in findings.ledger.violations:
        _say(f"VIOLATION: {violation}")
    _say(f"seed {arguments.seed}: {findings.summary()}")
    _say(f"answers: {dict(sorted(findings.ledger.answers.items()))}")
    if not (findings.ledger.violations or arguments.keep):
        shutil.rmtree(folder)
    return 1 if findings.ledger.violations else 0


async def _until_stopped(run: Coroutine[Any, Any, suite.Findings]) -> suite.Findings:
    with StopSignals() as signals:
        return await signals.interrupting(run)


def _say(line: str) -> None:
    print_text(line)


if __name__ == "__main__":
    sys.exit(main())
