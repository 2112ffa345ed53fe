"""Every timeout and retry policy, each with its reason."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from temporalio.common import RetryPolicy

from domain.bounds import MAX_TIMEOUT_SECONDS
from domain.specs import ExecutionSpec

# Faults of ours or the cloud's pass by themselves: they never cost the user an attempt, so the number is unlimited.
PASSING_FAULTS = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)

# How soon the death of a `loop` process is noticed and its containers and preparations are taken over by another one.
HEARTBEAT_TIMEOUT = timedelta(seconds=20)

# The user's timeout is the workflow's timer. The activity must outlive it, its grace period and a wait for capacity, to
# see its container gone; Temporal wants some limit, and this one is never met.
RUN_EXECUTION_START_TO_CLOSE = timedelta(seconds=MAX_TIMEOUT_SECONDS) + timedelta(days=1)

# ECS takes 20 stops a second, and a stop tells the children too, of which there may be thousands: it says with
# heartbeats that it goes on.
STOP_START_TO_CLOSE = timedelta(minutes=30)

# An execution that is stopped is as a rule seen to its end by the activity that runs it. That one may have lost its
# process and wait for a slot of another one, behind executions that take days: that is looked for, less and less
# often, as each look adds eleven events to the history.
STOP_PATIENCE = timedelta(seconds=10)
STOP_LONGEST_PATIENCE = timedelta(minutes=30)

# One transaction and a handful of signals, within a workflow task.
LOCAL_START_TO_CLOSE = timedelta(seconds=10)

# Registering a task definition waits for a bucket of one a second, behind some hundreds of other versions' functions.
PREPARATION_START_TO_CLOSE = timedelta(minutes=30)
PREPARATION_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=60)
)

# What was cancelled ends soon after; with a hundred seconds of grace a look every ten seconds is often enough.
DELETION_SHORTEST_PAUSE = timedelta(seconds=0.5)
DELETION_LONGEST_PAUSE = timedelta(seconds=10)

# Hundreds of functions to retire, in a bucket of one a second; a project of a million rows to delete.
DELETION_STEP_START_TO_CLOSE = timedelta(minutes=30)

RECONCILIATION_INTERVAL = timedelta(minutes=1)
RECONCILIATION_START_TO_CLOSE = timedelta(seconds=50)  # each kind of repair has less

# Some batches of rows to delete, each of them a short transaction.
RETENTION_START_TO_CLOSE = timedelta(minutes=5)

# All of its steps with their retries, and more. One that an older release cannot go on with, after going back to it,
# keeps the others from being started for so long.
RECONCILIATION_TIMEOUT = timedelta(minutes=20)

# The next run comes in a minute, and finds what this one did not.
RECONCILIATION_RETRIES = RetryPolicy(maximum_attempts=3)

# Younger than this, something may simply be under way.
START_PATIENCE = timedelta(seconds=15)
GRANT_PATIENCE = timedelta(seconds=10)

# A grant that was signalled and is not taken up waits for a process that is full, perhaps for days. Temporal ends a
# workflow at 10,000 signals, and keeps each one in its history.
GRANT_REPEAT = timedelta(minutes=10)

# Longer than a launch takes that hangs in a slow call, and than a container takes to be gone after its execution's end.
CONTAINER_PATIENCE = timedelta(seconds=60)


def retry_policy_of(spec: ExecutionSpec) -> RetryPolicy:
    """The function's own policy: what the user asked for between attempts that failed by the user's code."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=spec.retry_initial_interval_seconds),
        backoff_coefficient=spec.retry_backoff_coefficient,
        maximum_interval=timedelta(seconds=spec.retry_max_interval_seconds),
        maximum_attempts=spec.max_retries + 1,
    )


def backoff_after(attempt: int, policy: RetryPolicy) -> timedelta:
    """The wait after a failed attempt, counted from 1: exponential, at most the policy's maximum interval."""
    longest = policy.maximum_interval or policy.initial_interval
    factor = policy.backoff_coefficient ** (attempt - 1)  # at most 10 ** 50: a float holds it, a timedelta does not
    return timedelta(seconds=min(policy.initial_interval.total_seconds() * factor, longest.total_seconds()))


def stop_patiences() -> Iterator[timedelta]:
    """The waits before each look at a stopped execution whose end is not known: without end."""
    patience = STOP_PATIENCE
    while True:
        yield patience
        patience = min(2 * patience, STOP_LONGEST_PATIENCE)


def deadline_of(creation_time: datetime, spec: ExecutionSpec) -> datetime:
    """When an invocation times out: the first whole second after creation (rounded down) plus the timeout.

    Clients tell a timeout from a cancellation by times that are strictly later than that sum, in whole seconds.
    """
    return creation_time.replace(microsecond=0) + timedelta(seconds=spec.timeout_seconds + 1)
