"""The control API: what tests set, order and look at, under /_stand_in."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.aws.agent import Agent
from tests.aws.call_log import CallLog
from tests.aws.faults import Faults
from tests.aws.registry import Registry
from tests.aws.simulated import Hold
from tests.aws.tasks import Task
from tests.aws.wire import PREFIX, Call, Document, Fault, FaultReport, Interruption, Settings, TaskRecord

_Model = TypeVar("_Model", bound=BaseModel)
_CALLS = TypeAdapter(list[Call])
_FAULTS = TypeAdapter(list[FaultReport])
_TASKS = TypeAdapter(list[TaskRecord])


class ControlApi:
    def __init__(
        self,
        *,
        settings: Settings,
        faults: Faults,
        log: CallLog,
        registry: Registry,
        agent: Agent,
        fill_buckets: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._log = log
        self._registry = registry
        self._agent = agent
        self._fill_buckets = fill_buckets

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{PREFIX}/settings", self._get_settings),
            web.patch(f"{PREFIX}/settings", self._change_settings),
            web.put(f"{PREFIX}/images", self._put_image),
            web.get(f"{PREFIX}/faults", self._get_faults),
            web.post(f"{PREFIX}/faults", self._order_fault),
            web.delete(f"{PREFIX}/faults", self._clear_faults),
            web.delete(f"{PREFIX}/faults/{{id}}", self._clear_faults),
            web.get(f"{PREFIX}/calls", self._get_calls),
            web.delete(f"{PREFIX}/calls", self._reset_calls),
            web.get(f"{PREFIX}/counts", self._get_counts),
            web.get(f"{PREFIX}/tasks", self._get_tasks),
            web.get(f"{PREFIX}/live_tasks", self._get_live_tasks),
            web.get(f"{PREFIX}/tasks/{{id}}", self._get_task),
            web.post(f"{PREFIX}/tasks/{{id}}/interruption", self._interrupt),
        ]

    async def _get_settings(self, _: web.Request) -> web.Response:
        return _json(self._settings.model_dump_json())

    async def _change_settings(self, request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            try:
                setattr(self._settings, name, value)
            except ValidationError as error:
                raise web.HTTPBadRequest(text=str(error)) from error
            if name == "has_rate_limits":
                self._fill_buckets()
        return await self._get_settings(request)

    async def _put_image(self, request: web.Request) -> web.Response:
        document: Document = await request.json()
        self._agent.images[document["name"]] = Path(document["folder"])
        return web.Response(status=204)

    async def _get_faults(self, _: web.Request) -> web.Response:
        return _json(_FAULTS.dump_json(self._faults.reports()).decode())

    async def _order_fault(self, request: web.Request) -> web.Response:
        return web.json_response({"id": self._faults.order(await _body(request, Fault))})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._faults.clear(request.match_info.get("id"))
        return web.Response(status=204)

    async def _get_calls(self, request: web.Request) -> web.Response:
        return _json(_CALLS.dump_json(self._log.of(request.query.get("action"))).decode())

    async def _reset_calls(self, _: web.Request) -> web.Response:
        self._log.calls.clear()
        return web.Response(status=204)

    async def _get_counts(self, _: web.Request) -> web.Response:
        return web.json_response(self._log.counts())

    async def _get_tasks(self, _: web.Request) -> web.Response:
        return _json(_TASKS.dump_json([task.record() for task in self._registry]).decode())

    async def _get_live_tasks(self, _: web.Request) -> web.Response:
        records = [task.record() for task in self._registry if not task.is_stopped]
        return _json(_TASKS.dump_json(records).decode())

    async def _get_task(self, request: web.Request) -> web.Response:
        return _json(self._task(request).record().model_dump_json())

    async def _interrupt(self, request: web.Request) -> web.Response:
        task = self._task(request)
        interruption = await _body(request, Interruption)
        match interruption.kind:
            case "spot":
                self._registry.interrupt(task)
            case "infrastructure":
                self._registry.lose(task)
            case "stop":
                self._registry.stop(task, code="UserInitiated", reason=interruption.reason)
            case "vanish":
                await self._registry.vanish(task)
            case "end" if isinstance(task.container, Hold):
                task.container.end(interruption.exit_code)
            case "end":
                raise web.HTTPConflict(text="only a running stand-in/hold can be ended")
        return web.Response(status=204)

    def _task(self, request: web.Request) -> Task:
        task = self._registry.find(request.match_info["id"])
        if task is None:
            raise web.HTTPNotFound(text="no such task")
        return task


async def _body(request: web.Request, model: type[_Model]) -> _Model:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise web.HTTPBadRequest(text=str(error)) from error


def _json(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/json")
