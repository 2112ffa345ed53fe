"""Every timeout and retry policy, each with its reason."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from temporalio.common import RetryPolicy

from control_plane_server.domain.bounds import MAX_TIMEOUT_SECONDS
from control_plane_server.domain.specs import ExecutionSpec

# Faults of ours or the cloud's pass by themselves: they never cost the user an attempt, so the number is unlimited.
PASSING_FAULTS = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)

# How soon the death of a `loop` process is noticed and its containers and preparations are taken over by another one.
HEARTBEAT_TIMEOUT = timedelta(seconds=20)

# The user's timeout is a timer of the workflow. The activity must outlive the timer, the grace period and a wait for
# capacity, to see its container gone. Temporal demands some limit; this one is never reached.
RUN_EXECUTION_START_TO_CLOSE = timedelta(seconds=MAX_TIMEOUT_SECONDS) + timedelta(days=1)

# ECS takes 20 stops a second, and a stop also cancels the children, of which there may be thousands: heartbeats show
# that it goes on.
STOP_START_TO_CLOSE = timedelta(minutes=30)

# An execution that is stopped is as a rule seen to its end by the activity that runs it. That one may have lost its
# process and wait for a slot of another one, behind executions that take days: this is checked less and less
# often, as each check adds eleven events to the history.
STOP_PATIENCE = timedelta(seconds=10)
STOP_LONGEST_PATIENCE = timedelta(minutes=30)

# A cancellation that an invocation has asked for itself is on its way by then.
CANCELLATION_PATIENCE = timedelta(seconds=10)

# One transaction and a handful of signals, within a workflow task.
LOCAL_START_TO_CLOSE = timedelta(seconds=10)

# ECS takes one registration of a task definition a second, and hundreds of other functions may wait for theirs.
PREPARATION_START_TO_CLOSE = timedelta(minutes=30)
PREPARATION_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=60)
)

# A batch's workflow is told when its last invocation has ended. If the message is lost, it finds out by itself; each
# look adds eleven events to its history.
BATCH_SHORTEST_PAUSE = timedelta(minutes=1)
BATCH_LONGEST_PAUSE = timedelta(hours=1)

# A call that waits for the end of another invocation of its schedule; each look adds ten events to its history, which
# a new run begins anew.
OVERLAP_SHORTEST_PAUSE = timedelta(seconds=1)
OVERLAP_LONGEST_PAUSE = timedelta(seconds=30)

# A page of deliveries to a receiver that lets each of them time out, with a margin; heartbeats show that it goes on.
DELIVERY_START_TO_CLOSE = timedelta(minutes=5)

# Between two attempts of a delivery.
DELIVERY_FIRST_PAUSE = timedelta(seconds=5)
DELIVERY_PAUSE_COEFFICIENT = 3.0
DELIVERY_LONGEST_PAUSE = timedelta(hours=6)
# What a receiver may ask for at most by Retry-After.
DELIVERY_LONGEST_RETRY_AFTER = timedelta(days=1)

# Cancelled invocations end soon, or after a grace period of up to 120 s: then one poll in ten seconds is enough.
DELETION_SHORTEST_PAUSE = timedelta(seconds=0.5)
DELETION_LONGEST_PAUSE = timedelta(seconds=10)

# Hundreds of functions to retire at one a second; a project of a million rows to delete.
DELETION_STEP_START_TO_CLOSE = timedelta(minutes=30)

RECONCILIATION_INTERVAL = timedelta(minutes=1)
RECONCILIATION_START_TO_CLOSE = timedelta(seconds=50)  # each kind of repair has less

# Some batches of rows to delete, each of them a short transaction.
RETENTION_START_TO_CLOSE = timedelta(minutes=5)

# Longer than all of its steps with their retries. After a downgrade, a run that the older release cannot go on with
# keeps later runs from starting for so long.
RECONCILIATION_TIMEOUT = timedelta(minutes=20)

# The next run begins a minute later, and repairs what this one did not.
RECONCILIATION_RETRIES = RetryPolicy(maximum_attempts=3)

# What is younger than this may still be under way, and needs no repair yet.
START_PATIENCE = timedelta(seconds=15)
GRANT_PATIENCE = timedelta(seconds=10)

# Temporal lists a schedule as it was some seconds ago.
SCHEDULE_PATIENCE = timedelta(seconds=15)

# A grant that was signalled and not taken up may wait for a slot of a process for days. Temporal takes 10,000 signals
# per workflow, and keeps each of them in its history.
GRANT_REPEAT = timedelta(minutes=10)

# Longer than a launch in a slow call takes, and than a container needs to exit after its execution's end.
CONTAINER_PATIENCE = timedelta(seconds=60)


def retry_policy_of(spec: ExecutionSpec) -> RetryPolicy:
    """The user's policy for attempts that failed by the user's code. `maximum_attempts` includes the first one."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=spec.retry_initial_interval_seconds),
        backoff_coefficient=spec.retry_backoff_coefficient,
        maximum_interval=timedelta(seconds=spec.retry_max_interval_seconds),
        maximum_attempts=spec.max_retries + 1,
    )


def backoff_after(attempt: int, policy: RetryPolicy, *, jitter: float = 0.0, drawn: float = 0.5) -> timedelta:
    """The wait after a failed attempt, counted from 1: exponential, at most the policy's maximum interval. `drawn`,
    from 0 to 1, tells where between (1 - jitter) and (1 + jitter) times that it is, of what is not above the maximum:
    so what waits longest is spread, too."""
    longest = (policy.maximum_interval or policy.initial_interval).total_seconds()
    factor = policy.backoff_coefficient ** (attempt - 1)  # at most 10 ** 50: a float holds it, a timedelta does not
    interval = min(policy.initial_interval.total_seconds() * factor, longest)
    shortest = interval * (1 - jitter)
    return timedelta(seconds=shortest + drawn * (min(interval * (1 + jitter), longest) - shortest))


def delivery_pause_after(attempts: int, *, drawn: float, retry_after: float | None) -> timedelta:
    """The wait after so many attempts of a delivery: 5 s, three times as long each time, up to 6 h, and up to a fifth
    more, which `drawn`, from 0 to 1, tells; and as long as the receiver asks for in seconds, a day at most."""
    factor = DELIVERY_PAUSE_COEFFICIENT ** min(attempts - 1, 20)
    pause = min(DELIVERY_FIRST_PAUSE * factor, DELIVERY_LONGEST_PAUSE) * (1 + drawn / 5)
    asked = timedelta(seconds=min(retry_after or 0.0, DELIVERY_LONGEST_RETRY_AFTER.total_seconds()))
    return max(pause, asked)


def stop_patiences() -> Iterator[timedelta]:
    """The waits before each check of a stopped execution whose end is not known: 10 s, doubled up to 30 min, without
    end."""
    return _doubled(STOP_PATIENCE, STOP_LONGEST_PATIENCE)


def batch_pauses() -> Iterator[timedelta]:
    """The waits before each look at a batch of which nothing is heard: 1 min, doubled up to 1 h, without end."""
    return _doubled(BATCH_SHORTEST_PAUSE, BATCH_LONGEST_PAUSE)


def overlap_pauses() -> Iterator[timedelta]:
    """The waits before each look at whether another invocation of a schedule has ended: 1 s, doubled up to 30 s,
    without end."""
    return _doubled(OVERLAP_SHORTEST_PAUSE, OVERLAP_LONGEST_PAUSE)


def _doubled(shortest: timedelta, longest: timedelta) -> Iterator[timedelta]:
    wait = shortest
    while True:
        yield wait
        wait = min(2 * wait, longest)


def queue_deadline_of(creation_time: datetime, spec: ExecutionSpec) -> datetime | None:
    """Until when an invocation waits for its first slot; None: as long as it may run at all."""
    if spec.queue_timeout_seconds is None:
        return None
    return creation_time + timedelta(seconds=spec.queue_timeout_seconds)


def deadline_of(creation_time: datetime, spec: ExecutionSpec) -> datetime:
    """When an invocation times out: the first whole second after creation (rounded down) plus the timeout.

    Clients tell a timeout from a cancellation by times that are strictly later than that sum, in whole seconds.
    """
    return creation_time.replace(microsecond=0) + timedelta(seconds=spec.timeout_seconds + 1)
