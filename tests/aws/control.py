"""The client of the stand-in's control API."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
from pydantic import TypeAdapter

from tests.aws.wire import PREFIX, Call, Fault, FaultReport, Interruption, Settings, TaskRecord

_POLL_SECONDS = 0.02
_CALLS = TypeAdapter(list[Call])
_FAULTS = TypeAdapter(list[FaultReport])
_TASKS = TypeAdapter(list[TaskRecord])

CAPACITY_IS_UNAVAILABLE = (
    "Capacity is unavailable at this time. Please try again later or in a different availability zone"
)


class Control:
    """Tasks are named by ARN or id."""

    def __init__(self, endpoint_url: str) -> None:
        # Nothing of the machine's proxy settings: the stand-in is on the loopback interface.
        self._http = httpx2.AsyncClient(base_url=endpoint_url + PREFIX, timeout=30, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def settings(self) -> Settings:
        return Settings.model_validate_json(await self._get("/settings"))

    async def set(self, **changes: float | bool) -> Settings:
        """Fields of Settings."""
        return Settings.model_validate_json(await self._send("PATCH", "/settings", changes))

    async def reset(self) -> None:
        """Default settings, no faults, an empty call log. Tasks and what moto holds stay."""
        await self.set(**Settings().model_dump())
        await self.clear_faults()
        await self.reset_calls()

    async def register_image(self, name: str, folder: Path) -> None:
        await self._send("PUT", "/images", {"name": name, "folder": str(folder)})

    async def order(self, fault: Fault) -> str:
        """The fault's id."""
        answer: dict[str, str] = TypeAdapter(dict[str, str]).validate_json(
            await self._send("POST", "/faults", fault.model_dump())
        )
        return answer["id"]

    async def throttle(
        self, action: str, *, calls: int | None = None, seconds: float | None = None, is_hidden: bool = False
    ) -> str:
        """`is_hidden`: inside another error, as RunTask and RegisterTaskDefinition do it now and then."""
        code, message = _HIDDEN[action] if is_hidden else ("ThrottlingException", "Rate exceeded")
        return await self.order(
            Fault(action=action, kind="error", code=code, message=message, calls=calls, duration_seconds=seconds)
        )

    async def deny(self, action: str, *, service: str = "ecs", calls: int | None = None) -> str:
        message = (
            f"User: arn:aws:iam::123456789012:user/control-plane is not authorized to perform: {service}:{action} "
            f"because no identity-based policy allows the {service}:{action} action"
        )
        return await self.order(
            Fault(action=action, kind="error", code="AccessDeniedException", message=message, calls=calls)
        )

    async def lack_capacity(
        self,
        *,
        calls: int | None = None,
        seconds: float | None = None,
        reason: str = CAPACITY_IS_UNAVAILABLE,
        provider: str | None = None,
    ) -> str:
        """RunTask answers without tasks; only those of one capacity provider, if it is given."""
        return await self.order(
            Fault(
                action="RunTask",
                kind="failures",
                message=reason,
                calls=calls,
                duration_seconds=seconds,
                capacity_provider=provider,
            )
        )

    async def fail_to_start(self, *reasons: str, tasks: int | None = 1, one_in: int = 1, after: float = 0.0) -> str:
        """The next tasks end before they have begun, after some seconds, for these reasons in turn; see
        `start_failures`. `tasks`: how many in all, None: until it is cleared. `one_in`: of so many tasks one."""
        first, *others = reasons
        return await self.order(
            Fault(
                action="RunTask",
                kind="fail_to_start",
                message=first,
                more_messages=tuple(others),
                calls=tasks,
                one_in=one_in,
                seconds=after,
            )
        )

    async def start_late(self, seconds: float, *, tasks: int | None = 1) -> str:
        """The next tasks are PENDING for so much longer."""
        return await self.order(Fault(action="RunTask", kind="start_late", seconds=seconds, calls=tasks))

    async def never_start(self, *, tasks: int | None = 1) -> str:
        """The next tasks are PENDING until they are stopped."""
        return await self.order(Fault(action="RunTask", kind="never_start", calls=tasks))

    async def delay(self, action: str, seconds: float) -> str:
        return await self.order(Fault(action=action, kind="delay", seconds=seconds))

    async def faults(self) -> list[FaultReport]:
        return _FAULTS.validate_json(await self._get("/faults"))

    async def clear_faults(self, fault_id: str | None = None) -> None:
        await self._send("DELETE", "/faults" if fault_id is None else f"/faults/{fault_id}")

    async def calls(self, action: str | None = None) -> list[Call]:
        """Oldest first."""
        return _CALLS.validate_json(await self._get("/calls" if action is None else f"/calls?action={action}"))

    async def counts(self) -> dict[str, int]:
        """Calls per action."""
        return TypeAdapter(dict[str, int]).validate_json(await self._get("/counts"))

    async def reset_calls(self) -> None:
        await self._send("DELETE", "/calls")

    async def tasks(self) -> list[TaskRecord]:
        """All that can still be described, oldest first."""
        return _TASKS.validate_json(await self._get("/tasks"))

    async def live_tasks(self) -> list[TaskRecord]:
        """All that are not STOPPED, oldest first."""
        return _TASKS.validate_json(await self._get("/live_tasks"))

    async def task(self, task: str) -> TaskRecord:
        return TaskRecord.model_validate_json(await self._get(f"/tasks/{_id(task)}"))

    async def wait_for(self, task: str, status: str, *, seconds: float = 20) -> TaskRecord:
        """Until the task has reached a state. Raises TimeoutError."""
        return await self._wait(task, lambda record: status in [state for _, state in record.states], seconds=seconds)

    async def wait_for_process(self, task: str, *, seconds: float = 20) -> int:
        """The process id of a task's container, once it runs. Raises TimeoutError."""
        record = await self._wait(task, lambda record: record.pid is not None, seconds=seconds)
        assert record.pid is not None
        return record.pid

    async def interrupt_spot(self, task: str) -> None:
        await self._interrupt(task, Interruption(kind="spot"))

    async def lose_host(self, task: str) -> None:
        await self._interrupt(task, Interruption(kind="infrastructure"))

    async def stop_by_somebody(self, task: str, reason: str = "stopped by somebody else") -> None:
        await self._interrupt(task, Interruption(kind="stop", reason=reason))

    async def vanish(self, task: str) -> None:
        await self._interrupt(task, Interruption(kind="vanish"))

    async def end(self, task: str, exit_code: int = 0) -> None:
        """Of `stand-in/hold`."""
        await self._interrupt(task, Interruption(kind="end", exit_code=exit_code))

    async def _interrupt(self, task: str, interruption: Interruption) -> None:
        await self._send("POST", f"/tasks/{_id(task)}/interruption", interruption.model_dump())

    async def _wait(self, task: str, is_reached: Callable[[TaskRecord], bool], *, seconds: float) -> TaskRecord:
        async with asyncio.timeout(seconds):
            while not is_reached(record := await self.task(task)):
                await asyncio.sleep(_POLL_SECONDS)
        return record

    async def _get(self, path: str) -> bytes:
        return await self._send("GET", path)

    async def _send(self, method: str, path: str, body: object = None) -> bytes:
        response = await self._http.request(method, path, json=body)
        response.raise_for_status()
        return response.content


_HIDDEN = {
    "RunTask": (
        "InvalidParameterException",
        "Error retrieving subnet information for [subnet-0]: Rate exceeded (ErrorCode: Throttling)",
    ),
    "RegisterTaskDefinition": (
        "ClientException",
        "Too many concurrent attempts to create a new revision of the specified family.",
    ),
}


def _id(task: str) -> str:
    return task.rpartition("/")[2]
