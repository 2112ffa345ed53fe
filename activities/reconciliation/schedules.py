"""Makes Temporal's schedules those of the catalog: missing ones, different ones, and ones that it does not know."""

from datetime import timedelta

import structlog
from temporalio.client import Client

from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.schedules.schedules import ScheduleRepository
from control_plane_server.domain.identifiers import ScheduleId
from control_plane_server.domain.schedules import Schedule
from workflows import policies
from workflows.schedules import delete_schedule, listed_schedules, match_schedule

logger = structlog.get_logger(__name__)

_PAGE = 500
_FIRST = ScheduleId("")


class Schedules:
    def __init__(self, *, client: Client, database: Database, patience: timedelta = policies.SCHEDULE_PATIENCE) -> None:
        """`patience`: what was changed later than that may still be under way, and is listed late."""
        self._client = client
        self._database = database
        self._patience = patience

    async def match(self, run: RepairRun) -> None:
        """As far as a run has time. Where the catalog has none, nothing is asked of Temporal: what that has all the
        same is deleted when it calls."""
        if not await self._page(_FIRST):
            return
        # Before the rows: what is listed and has no row by then was deleted.
        listed = {one.schedule_id: one async for one in listed_schedules(self._client)}
        last = _FIRST
        while page := await self._page(last):
            different = [
                one
                for one, unchanged in page
                if unchanged > self._patience
                and ((found := listed.get(one.schedule_id)) is None or not found.matches(one))
            ]
            await run.each(different, self._match)
            for schedule, _ in page:
                listed.pop(schedule.schedule_id, None)
            last = page[-1][0].schedule_id
        await run.each(list(listed), self._delete)

    async def _page(self, after: ScheduleId) -> tuple[tuple[Schedule, timedelta], ...]:
        async with self._database.statement() as connection:
            return await ScheduleRepository(connection).after(after, at_most=_PAGE)

    async def _match(self, schedule: Schedule) -> bool:
        await match_schedule(self._client, schedule)
        logger.info("schedule_is_matched", schedule=schedule.schedule_id)
        return True

    async def _delete(self, schedule_id: ScheduleId) -> bool:
        """One that was deleted lately is still listed."""
        return await delete_schedule(self._client, schedule_id)
