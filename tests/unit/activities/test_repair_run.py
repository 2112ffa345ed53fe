"""One item that cannot be repaired spoils nobody else's repair, whatever is wrong with it."""

import asyncio
from datetime import timedelta

from structlog.testing import capture_logs
from temporalio.service import RPCError, RPCStatusCode

from activities import metrics
from activities.reconciliation.repair_run import RepairRun

SOON = timedelta(seconds=0.05)
LATE = timedelta(seconds=20)


async def repair(item: int) -> bool:
    match item:
        case 0:
            raise RPCError("search attribute is too large", RPCStatusCode.INVALID_ARGUMENT, b"")
        case 1:
            raise KeyError("a defect")
        case 2:
            await asyncio.Event().wait()
    return item % 2 == 0


async def test_what_fails_or_hangs_is_told_and_the_others_are_repaired() -> None:
    run = RepairRun("items mended", patience=LATE, item_patience=SOON)
    failures = metrics.REPAIRS_NOT_MADE.labels("items_mended")
    before = failures._value.get()
    with capture_logs() as logs:
        await run.run(lambda run: run.each(range(100), repair))
    assert run.made == 48
    assert {entry["item"] for entry in logs} == {"0", "1", "2"}
    assert failures._value.get() - before == 3


async def test_a_kind_of_repair_that_takes_too_long_is_left_to_the_next_look() -> None:
    async def hang(run: RepairRun) -> None:
        await run.each((4,), repair)
        await asyncio.Event().wait()

    run = RepairRun("items mended", patience=SOON)
    with capture_logs() as logs:
        await run.run(hang)
    assert run.made == 1
    assert [entry["reason"] for entry in logs] == ["TimeoutError"]


async def test_what_cannot_be_looked_for_is_told() -> None:
    async def fail(_: RepairRun) -> None:
        raise ValueError("nobody expected this")

    with capture_logs() as logs:
        await RepairRun("items mended").run(fail)
    assert [entry["reason"] for entry in logs] == ["nobody expected this"]
