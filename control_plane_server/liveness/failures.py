"""Failures of background tasks, which no caller receives: each is logged and counted."""

import asyncio
from typing import Any

import structlog
from prometheus_client import Counter

logger = structlog.get_logger(__name__)

_FAILURES = Counter(
    "control_plane_background_failures",
    "Unexpected failures of tasks in the background, each of which goes on. Defects, or an environment out of order.",
    ["task"],
)


def expect_failures(task: str) -> None:
    """Export the counter of this task at 0, so that its first failure shows as an increase."""
    _FAILURES.labels(task.replace(" ", "_"))


def report_failure(task: str, error: BaseException) -> None:
    """Log and count a failure. `task`: one of few names, as it is a label of a metric."""
    _FAILURES.labels(task.replace(" ", "_")).inc()
    logger.error("background_task_failed", task=task, reason=repr(error), exc_info=error)


def report_unhandled(loop: asyncio.AbstractEventLoop) -> None:
    """Count failures that asyncio itself logs: of tasks and futures whose exception nobody retrieved."""
    expect_failures("unheard")
    loop.set_exception_handler(_count)


def _count(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if "task" in context or "future" in context:
        _FAILURES.labels("unheard").inc()
    loop.default_exception_handler(context)
