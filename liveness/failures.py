"""Failures that nobody waits for: each is logged and counted, or nobody would ever hear of it."""

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
    """There from the start, so that the first one is an increase."""
    _FAILURES.labels(task.replace(" ", "_"))


def report_failure(task: str, error: BaseException) -> None:
    """`task`: one of few names, as it becomes a label."""
    _FAILURES.labels(task.replace(" ", "_")).inc()
    logger.error("background_task_failed", task=task, reason=repr(error), exc_info=error)


def report_unhandled(loop: asyncio.AbstractEventLoop) -> None:
    """Count what asyncio itself logs of tasks whose failure nobody took note of."""
    expect_failures("unheard")
    loop.set_exception_handler(_count)


def _count(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if "task" in context or "future" in context:
        _FAILURES.labels("unheard").inc()
    loop.default_exception_handler(context)
