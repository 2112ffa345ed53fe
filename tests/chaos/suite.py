"""One run of the fault suite: a stack under load and faults, brought to rest, and judged."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from environment.provisioner_names import ProvisionerName
from tests.chaos import aftermath, plan
from tests.chaos.client import api_client
from tests.chaos.deployments import Deployments
from tests.chaos.faults import Faults
from tests.chaos.ledger import Ledger
from tests.chaos.load import Load
from tests.chaos.platforms import open_platform
from tests.chaos.replacement import Replacement
from tests.chaos.silences import LONG_SILENCE, Silence, Silences
from tests.chaos.stack import ChaosStack, chaos_stack
from tests.chaos.watch import Watch
from tests.simulation.snapshot import Snapshot

_REPORT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    ledger: Ledger
    invocations: int
    executions: int
    settled_after: timedelta

    def summary(self) -> str:
        ledger = self.ledger
        faults = ", ".join(f"{target} {count}" for target, count in sorted(ledger.faults.items()))
        return (
            f"{len(ledger.accepted)} calls accepted, {self.invocations} invocations, {self.executions} executions; "
            f"{ledger.faults.total()} faults ({faults}); moving {_longest(ledger.resumed)} after each silence; "
            f"at rest after {self.settled_after.total_seconds():.0f} s; "
            f"{len(ledger.violations)} violations"
        )


async def run(
    *,
    folder: Path,
    provisioner: ProvisionerName,
    seed: int,
    duration: timedelta,
    report: Callable[[str], None],
    silence: Silence = LONG_SILENCE,
    replaces_temporal: bool = False,
    is_reusing: bool = False,
) -> Findings:
    """`duration`: of load and faults, and longer where not all had struck by then. `report` gets a line now and then.
    `is_reusing`: most functions keep their containers, and versions are deployed all the time.

    `replaces_temporal`: once, in the middle, by an empty one."""
    ledger = Ledger()
    async with (
        open_platform(provisioner, folder) as platform,
        chaos_stack(folder, platform, ledger) as stack,
        api_client(stack.api_urls, stack.api_key, ledger) as api,
    ):
        deployments = Deployments(api, platform.image, stack.database, ledger, reuse=plan.REUSE if is_reusing else {})
        await deployments.make(must_succeed=True)
        watch = Watch(stack, ledger)
        notes = folder / "notes"
        async with asyncio.TaskGroup() as beside:
            watching = beside.create_task(watch.run())
            reporting = beside.create_task(_report_on(watch, ledger, report))
            load = Load(api=api, temporal=stack.client, notes=notes, ledger=ledger)
            is_over = asyncio.Event()
            danger = plan.danger(provisioner, is_reusing=is_reusing)
            faults = Faults(stack, Silences(stack, watch, ledger, silence), ledger, is_over)
            async with asyncio.TaskGroup() as trouble:
                trouble.create_task(load.run(plan.calls(seed), is_over=is_over))
                deploying = trouble.create_task(deployments.run(seed)) if is_reusing else None
                if replaces_temporal:
                    trouble.create_task(Replacement(stack, ledger).make(after=duration / 2))
                await faults.run(
                    plan.faults(seed, danger),
                    duration=duration,
                    is_enough=lambda: danger.is_tried(ledger.faults.keys()),
                )
                if deploying is not None:
                    deploying.cancel()
            await platform.calm(ledger)
            watching.cancel()
            snapshot, settled_after = await _settled(stack, watch, ledger)
            if is_reusing:
                await deployments.end_all(report)
            reporting.cancel()
        report(f"at rest after {settled_after.total_seconds():.0f} s; looking for what is wrong")
        await aftermath.classify(stack, api, snapshot, notes=notes, ledger=ledger)
    return Findings(
        ledger=ledger,
        invocations=len(snapshot.invocations),
        executions=sum(len(one.executions) for one in snapshot.invocations.values()),
        settled_after=settled_after,
    )


def _longest(seconds: list[float]) -> str:
    return f"within {max(seconds):.0f} s" if seconds else "(there was none)"


async def _settled(stack: ChaosStack, watch: Watch, ledger: Ledger) -> tuple[Snapshot, timedelta]:
    clock = asyncio.get_running_loop().time
    began = clock()
    snapshot = await aftermath.finish_all(stack, watch, ledger)
    return snapshot, timedelta(seconds=clock() - began)


async def _report_on(watch: Watch, ledger: Ledger, report: Callable[[str], None]) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        invocations = watch.latest.invocations.values() if watch.latest else ()
        running = sum(one.is_running for one in invocations)
        report(
            f"{clock() - began:4.0f} s: {len(invocations)} invocations, {running} running, "
            f"{ledger.faults.total()} faults, {len(ledger.violations)} violations"
        )
