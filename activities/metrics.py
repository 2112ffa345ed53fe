"""Metrics of the `loop` process."""

from prometheus_client import Counter, Gauge

from control_plane_server.domain.entities import ExecutionOutcome

# The label of an execution whose container reported no outcome, or that never had a container.
NO_OUTCOME = "NONE"
# The label of a time of a schedule that was skipped as it came too late.
MISSED = "missed"

EXECUTIONS_ENDED = Counter(
    "control_plane_executions_ended", "Executions that have ended, by what their container reported.", ["outcome"]
)
LAUNCHES_REPEATED = Counter(
    "control_plane_launches_repeated",
    "Launches that another one had to follow within the same execution, by what became of them.",
    ["reason"],
)
CONTAINER_STARTS = Counter(
    "control_plane_container_starts",
    "Executions of functions that keep their containers that were given one: warm, one that was there, or cold.",
    ["kind"],
)
SCHEDULED_CALLS = Counter(
    "control_plane_scheduled_calls", "Times of schedules, by what became of them at each try.", ["state"]
)
WEBHOOK_ATTEMPTS = Counter(
    "control_plane_webhook_attempts", "Attempts to deliver a webhook, by whether the receiver took it.", ["result"]
)
REPAIRS = Counter("control_plane_repairs", "Repairs made by the reconciliation.", ["kind"])
REPAIRS_NOT_MADE = Counter(
    "control_plane_repairs_not_made", "Repairs that failed and were passed over, or ran out of time.", ["kind"]
)
TERMINATIONS_HELD = Gauge(
    "control_plane_terminations_held",
    "Invocations that this process found lost when it last reconciled, too many to be ended unasked.",
    ["kind"],
)
LAST_RECONCILIATION = Gauge(
    "control_plane_last_reconciliation_timestamp_seconds", "When this process has last reconciled, since 1970."
)

for _outcome in (*ExecutionOutcome, NO_OUTCOME):  # exported at 0, so that the first one shows as an increase
    EXECUTIONS_ENDED.labels(_outcome)
for _state in ("started", "waiting", "skipped", MISSED, "unknown"):
    SCHEDULED_CALLS.labels(_state)
for _result in ("delivered", "failed"):
    WEBHOOK_ATTEMPTS.labels(_result)
for _kind in ("warm", "cold"):
    CONTAINER_STARTS.labels(_kind)
