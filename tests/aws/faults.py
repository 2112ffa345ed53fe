"""Faults that tests have ordered, and which of them a call or a task meets."""

import itertools
import time
from dataclasses import dataclass

from tests.aws.wire import Fault, FaultKind, FaultReport

_OUTCOMES: tuple[FaultKind, ...] = ("error", "lose_response", "refuse", "hang")
_OF_STARTS: tuple[FaultKind, ...] = ("fail_to_start", "start_late", "never_start")


@dataclass(slots=True)
class _Order:
    fault: Fault
    until: float
    calls_left: float
    tasks: int = 0
    hits: int = 0

    @property
    def message(self) -> str:
        """Of the latest hit."""
        messages = (self.fault.message, *self.fault.more_messages)
        return messages[(self.hits - 1) % len(messages)]

    @property
    def is_over(self) -> bool:
        return self.calls_left <= 0 or time.monotonic() >= self.until


class Faults:
    """Of several that apply, the one that was ordered first decides the outcome, and the last one the delay."""

    def __init__(self) -> None:
        self._orders: dict[str, _Order] = {}
        self._numbers = itertools.count(1)

    def order(self, fault: Fault) -> str:
        """The fault's id, to clear it with."""
        fault_id = f"fault-{next(self._numbers)}"
        self._orders[fault_id] = _Order(
            fault,
            until=float("inf") if fault.duration_seconds is None else time.monotonic() + fault.duration_seconds,
            calls_left=float("inf") if fault.calls is None else fault.calls,
        )
        return fault_id

    def clear(self, fault_id: str | None = None) -> None:
        """One, or all."""
        if fault_id is None:
            self._orders.clear()
        else:
            self._orders.pop(fault_id, None)

    def reports(self) -> list[FaultReport]:
        return [
            FaultReport(id=fault_id, fault=order.fault, hits=order.hits) for fault_id, order in self._orders.items()
        ]

    def outcome(self, action: str) -> Fault | None:
        """The fault that this call meets, which is one of its calls."""
        return _fault(self._take(self._applying(action, *_OUTCOMES)[:1]))

    def delay_seconds(self, action: str) -> float:
        fault = _fault(self._take(self._applying(action, "delay")[-1:]))
        return 0.0 if fault is None else fault.seconds

    def lack_of_capacity(self, provider: str | None) -> str | None:
        """Why tasks that this capacity provider is to run cannot be placed."""
        orders = self._applying("RunTask", "failures")
        met = self._take([order for order in orders if order.fault.capacity_provider in (None, provider)][:1])
        return None if met is None else met.message

    def of_start(self) -> tuple[Fault, str] | None:
        """What the task that is just being provisioned meets, and the text that goes with it."""
        orders = self._applying("RunTask", *_OF_STARTS)
        for order in orders:
            order.tasks += 1
        met = self._take([order for order in orders if order.tasks % order.fault.one_in == 0][:1])
        return None if met is None else (met.fault, met.message)

    def is_in_force(self, fault: Fault) -> bool:
        """Whether what hangs because of it has to go on hanging."""
        return any(order.fault is fault and time.monotonic() < order.until for order in self._orders.values())

    def _applying(self, action: str, *kinds: FaultKind) -> list[_Order]:
        return [
            order
            for order in self._orders.values()
            if order.fault.action in ("*", action) and order.fault.kind in kinds and not order.is_over
        ]

    def _take(self, orders: list[_Order]) -> _Order | None:
        for order in orders:
            order.calls_left -= 1
            order.hits += 1
            return order
        return None


def _fault(order: _Order | None) -> Fault | None:
    return None if order is None else order.fault
