"""Schedules of projects: what the API answers, and the plans that ask for it."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List

from control_plane.protocol.answers import Answer, InvocationInfo, Parts, each
from control_plane.protocol.api import Api, new_key
from control_plane.protocol.paths import Query, project_path, schedule_path, with_query
from control_plane.protocol.steps import Plan


class Schedule(Answer):
    """`next_times`: the next ten; None in lists, and if they are not known. `pause_reason`: why it calls nothing; None:
    it calls. `is_declared`: beside its function, and not set by itself."""

    schedule_name: str
    function_name: str
    cron: str | None
    every_seconds: int | None
    timezone: str
    input: str
    overlap: str
    jitter_seconds: int
    is_declared: bool
    is_paused: bool
    pause_reason: str | None
    last_skipped_time: int | None
    last_skip_reason: str | None
    creation_time: int
    last_update_time: int
    next_times: List[int] | None


class Schedules(Answer):
    """A page of them, newest first."""

    schedules: List[Schedule]
    next_offset: str | None
    _PARTS: ClassVar[Parts] = {"schedules": each(Schedule)}


class Backfill(Answer):
    """`times`: how many there are. `invocation_ids`: those that were made just now; the others were there."""

    times: int
    invocation_ids: List[str]


def all_of(api: Api, project: str) -> Plan[List[Schedule]]:
    """Of a project, newest first."""
    found: List[Schedule] = []
    offset: str | None = None
    while True:
        query: Query = {"initial_offset": offset}
        document = yield from api.get(project_path(project) + "/schedules", query)
        page = api.understood(Schedules, document)
        found += page.schedules
        if page.next_offset in (None, offset):
            return found
        offset = page.next_offset


def get(api: Api, project: str, name: str) -> Plan[Schedule]:
    """With its next times."""
    return _schedule(api, api.get(schedule_path(project, name)))


def put(api: Api, project: str, name: str, function: str, fields: Dict[str, Any]) -> Plan[Schedule]:
    """`fields`: of the API's endpoint, beside the function's name."""
    return _schedule(api, api.put(schedule_path(project, name), {"function_name": function, **fields}))


def delete(api: Api, project: str, name: str) -> Plan[Schedule]:
    return _schedule(api, api.delete(schedule_path(project, name)))


def pause(api: Api, project: str, name: str, reason: str | None = None) -> Plan[Schedule]:
    return _schedule(api, api.put(with_query(schedule_path(project, name) + "/pause", {"reason": reason})))


def resume(api: Api, project: str, name: str) -> Plan[Schedule]:
    return _schedule(api, api.put(schedule_path(project, name) + "/resume"))


def trigger(api: Api, project: str, name: str) -> Plan[InvocationInfo]:
    """With a key of its own, so that it may be repeated."""
    headers = {"Idempotency-Key": new_key()}
    document = yield from api.post(schedule_path(project, name) + "/trigger", {}, headers=headers)
    return api.understood(InvocationInfo, document)


def backfill(api: Api, project: str, name: str, start: int, end: int) -> Plan[Backfill]:
    """From the one to the other moment, in seconds since the epoch."""
    document = yield from api.post(schedule_path(project, name) + "/backfill", {"start": start, "end": end})
    return api.understood(Backfill, document)


def _schedule(api: Api, plan: Plan[Any]) -> Plan[Schedule]:
    document = yield from plan
    return api.understood(Schedule, document)
