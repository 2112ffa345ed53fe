"""The door to AWS: every call comes in here, meets its faults, is answered and noted."""

import asyncio
import time
from collections.abc import Callable, Mapping

from aiohttp import web

from tests.aws import task_definition_rules
from tests.aws.account import now
from tests.aws.authorization import Authorization
from tests.aws.call_log import CallLog, shown
from tests.aws.capacity_providers import CapacityProviders
from tests.aws.errors import AwsError
from tests.aws.faults import Faults
from tests.aws.moto_server import Moto
from tests.aws.quotas import service_quota
from tests.aws.rate_limits import RateLimits
from tests.aws.registration_times import RegistrationTimes
from tests.aws.requests import Answer, AwsRequest, failure, parsed, success
from tests.aws.run_task import RunTask
from tests.aws.task_actions import TaskActions
from tests.aws.task_definition_lists import in_order
from tests.aws.wire import Call, Document, Fault, Settings

_HANG_LOOK_SECONDS = 0.05
_TASK_DEFINITION_ACTIONS = ("RegisterTaskDefinition", "DescribeTaskDefinition", "DeregisterTaskDefinition")


class Front:
    def __init__(
        self,
        *,
        settings: Settings,
        moto: Moto,
        faults: Faults,
        log: CallLog,
        run_task: RunTask,
        task_actions: TaskActions,
        capacity_providers: CapacityProviders,
        authorization: Authorization,
    ) -> None:
        self.rate_limits = RateLimits()
        self._registration_times = RegistrationTimes()
        self._settings = settings
        self._moto = moto
        self._faults = faults
        self._log = log
        self._run_task = run_task
        self._authorization = authorization
        self._actions: Mapping[str, Callable[[Document], Document]] = {
            "DescribeTasks": task_actions.describe,
            "ListTasks": task_actions.list,
            "StopTask": task_actions.stop,
            "DescribeCapacityProviders": capacity_providers.describe,
        }

    async def handle(self, http_request: web.Request) -> web.Response:
        request = parsed(http_request, await http_request.read())
        call = Call(
            time=now(),
            seconds=0,
            service=request.service,
            action=request.action,
            parameters=shown(request.parameters),
            result="ok",
        )
        began = time.monotonic()
        await asyncio.sleep(self._faults.delay_seconds(request.action))
        fault = self._faults.outcome(request.action)
        if fault is not None and fault.kind in ("refuse", "hang"):
            call.result = "refused" if fault.kind == "refuse" else "hung"
            self._log.note(call)
            if fault.kind == "hang":
                await self._hang(http_request, fault)
            return _cut(http_request)
        answer = await self._answer(http_request, request, fault, call)
        is_lost = fault is not None and fault.kind == "lose_response"
        call.result = "lost" if is_lost else answer.error_code or "ok"
        call.seconds = time.monotonic() - began
        self._log.note(call)
        return _cut(http_request) if is_lost else answer.response()

    async def _answer(self, http_request: web.Request, request: AwsRequest, fault: Fault | None, call: Call) -> Answer:
        try:
            if fault is not None and fault.kind == "error":
                raise AwsError(fault.code, fault.message, status=fault.status)
            if self._settings.has_rate_limits:
                self.rate_limits.check(request.action)
            self._authorization.check(http_request, request)
            if request.service == "ecs" and request.action == "RunTask":
                document = self._run_task(request.parameters)
            elif request.service == "ecs" and request.action in self._actions:
                document = self._actions[request.action](request.parameters)
            elif request.service == "servicequotas":
                document = service_quota(request.parameters)
            elif (answer := self._authorization.about_caller(http_request, request)) is not None:
                return answer
            else:
                return await self._answer_of_moto(http_request, request)
        except AwsError as error:
            return failure(error, is_json=request.is_json)
        tasks = [document["task"]] if request.action == "StopTask" else document.get("tasks", [])
        call.task_arns = [task["taskArn"] for task in tasks] if request.action != "DescribeTasks" else []
        call.failures = len(document.get("failures", []))
        return success(document)

    async def _answer_of_moto(self, http_request: web.Request, request: AwsRequest) -> Answer:
        if request.service == "ecs" and request.action == "ListTaskDefinitions":
            return in_order(await self._moto.answer(http_request, request.body), request.parameters)
        if request.service != "ecs" or request.action not in _TASK_DEFINITION_ACTIONS:
            return await self._moto.answer(http_request, request.body)
        if request.action == "RegisterTaskDefinition":
            task_definition_rules.check(request.parameters)
        return self._registration_times.completed(await self._moto.answer(http_request, request.body))

    async def _hang(self, http_request: web.Request, fault: Fault) -> None:
        while self._faults.is_in_force(fault) and http_request.transport is not None:
            await asyncio.sleep(_HANG_LOOK_SECONDS)


def _cut(http_request: web.Request) -> web.Response:
    """No answer: the connection breaks. What is returned here goes nowhere."""
    if http_request.transport is not None:
        http_request.transport.abort()
    return web.Response()
