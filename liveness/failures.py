"""Failures that nobody waits for: each is logged and counted, or nobody would ever hear of it."""

import structlog
from prometheus_client import Counter

logger = structlog.get_logger(__name__)

_FAILURES = Counter(
    "control_plane_background_failures",
    "Unexpected failures of tasks in the background, each of which goes on. Defects, or an environment out of order.",
    ["task"],
)


def tell_failure(task: str, error: BaseException) -> None:
    """`task`: one of few names, as it becomes a label."""
    _FAILURES.labels(task.replace(" ", "_")).inc()
    logger.error("background_task_failed", task=task, reason=repr(error), exc_info=error)
