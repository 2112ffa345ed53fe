"""Faults that tests have ordered, and which of them a call meets."""

import itertools
import time
from dataclasses import dataclass

from tests.aws.wire import Fault, FaultKind, FaultReport

_OUTCOMES: tuple[FaultKind, ...] = ("error", "lose_response", "refuse", "hang", "failures")


@dataclass(slots=True)
class _Order:
    fault: Fault
    until: float
    calls_left: float
    hits: int = 0

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
        return self._take([order for order in self._applying(action) if order.fault.kind in _OUTCOMES][:1])

    def delay_seconds(self, action: str) -> float:
        fault = self._take([order for order in self._applying(action) if order.fault.kind == "delay"][-1:])
        return 0.0 if fault is None else fault.seconds

    def reason_not_to_start(self) -> str | None:
        """Why the task that is just being provisioned does not start."""
        fault = self._take([order for order in self._applying("RunTask") if order.fault.kind == "fail_to_start"][:1])
        return None if fault is None else fault.message

    def is_in_force(self, fault: Fault) -> bool:
        """Whether what hangs because of it has to go on hanging."""
        return any(order.fault is fault and time.monotonic() < order.until for order in self._orders.values())

    def _applying(self, action: str) -> list[_Order]:
        return [order for order in self._orders.values() if order.fault.action in ("*", action) and not order.is_over]

    def _take(self, orders: list[_Order]) -> Fault | None:
        for order in orders:
            order.calls_left -= 1
            order.hits += 1
            return order.fault
        return None
