"""The catalog's tables. Rows never leave this package: repositories turn them into domain entities."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    and_,
    extract,
    false,
    func,
    literal_column,
    or_,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.base import READ_APART, Base


class InstallationRow(Base):
    """One row: which installation this catalog is of, and which Temporal namespace works for it."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("is_the_only_row", name="installation_is_one_row"),)

    is_the_only_row: Mapped[bool] = mapped_column(primary_key=True, server_default=true())
    installation_id: Mapped[str]
    # Temporal's own id of the namespace: another namespace of the same name has another one. None: none yet.
    namespace_id: Mapped[str | None]
    # Until when the reconciliation may end more invocations at once than the guard admits.
    mass_terminations_allowed_until: Mapped[datetime | None] = mapped_column(
        "mass_endings_allowed_until", key="mass_terminations_allowed_until"
    )


class ProjectRow(Base):
    __tablename__ = "projects"

    project_name: Mapped[str] = mapped_column(primary_key=True)
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    deletion_request_time: Mapped[datetime | None]
    # When the workflow of its deletion began: from then on nothing is submitted to the project or prepared for it.
    closing_time: Mapped[datetime | None]
    pause_time: Mapped[datetime | None]  # as of a function
    paused_until: Mapped[datetime | None]


class VersionRow(Base):
    __tablename__ = "versions"
    __table_args__ = (
        Index("versions_by_declaration", "project_name", "declaration_number"),
        Index("versions_newest_first", "project_name", "creation_time", "version_id"),  # for the release before
    )

    version_id: Mapped[str] = mapped_column(primary_key=True)
    project_name: Mapped[str] = mapped_column(ForeignKey("projects.project_name", ondelete="CASCADE"))
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    # Grows with every declaration, also while the clock goes back.
    declaration_number: Mapped[int] = mapped_column(BigInteger, Identity())


class FunctionRow(Base):
    """A function of one version. Its row is the lock under which its slots are given away, unless it has a group."""

    __tablename__ = "functions"
    __table_args__ = (UniqueConstraint("version_id", "function_name", name="functions_by_name"),)

    function_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("versions.version_id", ondelete="CASCADE"))
    function_name: Mapped[str]
    docker_image: Mapped[str]
    virtual_cpus: Mapped[float]
    memory_gbs: Mapped[float]
    max_concurrency: Mapped[int]
    max_retries: Mapped[int]
    timeout_seconds: Mapped[int]
    retry_initial_interval_seconds: Mapped[float]
    retry_backoff_coefficient: Mapped[float]
    retry_max_interval_seconds: Mapped[float]
    attempt_timeout_seconds: Mapped[int | None]  # from the start of an execution
    queue_timeout_seconds: Mapped[int | None]  # until the first execution has a slot
    retry_jitter: Mapped[float | None]  # None: 0
    no_retry_on: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # None: none
    resume_children: Mapped[bool] = mapped_column(server_default=false())
    # Whether `max_concurrency` is of this "version", or of the "function", all its versions together.
    concurrency: Mapped[str] = mapped_column(server_default="version")
    slot_group_id: Mapped[int | None] = mapped_column(BigInteger)  # of concurrency "function"
    command: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    # Text, as JSONB forgets the order of keys, which is that of the arguments.
    signature: Mapped[str | None] = mapped_column(info={READ_APART: True})
    environment: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True), info={READ_APART: True})
    secrets: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))  # names or ARNs, no values
    # What it needs of its machine: `catalog.platforms`.
    platform: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reuse: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # `catalog.reuse`
    # As declared: `catalog.schedules.columns`.
    schedules: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True), info={READ_APART: True})
    status: Mapped[str] = mapped_column(server_default="PENDING")
    prepared_type: Mapped[str | None]
    prepared_identifier: Mapped[str | None]
    preparation_error: Mapped[str | None]
    preparation_start_time: Mapped[datetime | None]  # when the provisioner was first asked: it may have made something
    # Since when nothing of it gets a slot, and until when; None: it is not paused, and until it is resumed.
    pause_time: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]


class SlotGroupRow(Base):
    """What versions of a function have in common that share `max_concurrency`. Its row is the lock under which their
    slots are given away. Its id is drawn from the sequence of those of functions."""

    __tablename__ = "slot_groups"
    __table_args__ = (UniqueConstraint("project_name", "function_name", name="slot_groups_by_name"),)

    group_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    project_name: Mapped[str] = mapped_column(ForeignKey("projects.project_name", ondelete="CASCADE"))
    function_name: Mapped[str]


class InvocationRow(Base):
    __tablename__ = "invocations"

    invocation_id: Mapped[str] = mapped_column(primary_key=True)
    function_id: Mapped[int] = mapped_column(ForeignKey("functions.function_id", ondelete="CASCADE"))
    parent_invocation_id: Mapped[str | None] = mapped_column(
        ForeignKey("invocations.invocation_id", ondelete="SET NULL")
    )
    input: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="RUNNING")
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    last_update_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    cancellation_request_time: Mapped[datetime | None]
    # When it was made to stop, by cancellation or timeout: nothing of it is launched from then on.
    stop_time: Mapped[datetime | None]
    # Written with its end. None of one that has ended: releases wrote none once (`outcomes.known_outcome`).
    outcome: Mapped[str | None]
    # Written with the outcome, to be listed without its executions: the first line of the error, and how long all its
    # executions together waited for a slot, for their containers, and ran.
    error_message: Mapped[str | None]
    attempts: Mapped[int | None]
    queued_ms: Mapped[int | None] = mapped_column(BigInteger)
    starting_ms: Mapped[int | None] = mapped_column(BigInteger)
    running_ms: Mapped[int | None] = mapped_column(BigInteger)
    queue_timeout_seconds: Mapped[int | None]  # None: that of its function
    # Those of its function, so that a project's invocations are found in their order. None: a release wrote none once.
    project_name: Mapped[str | None]
    function_name: Mapped[str | None]
    # No foreign key: it would be checked ten thousand times for a batch. A batch is deleted after its invocations.
    batch_id: Mapped[str | None]
    batch_index: Mapped[int | None]  # of its input, from 0
    batch_position: Mapped[int | None]  # in the order in which the batch's invocations ended, from 1
    input_blob_id: Mapped[str | None]  # then `input` is empty
    tags: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))  # None: none
    not_before: Mapped[datetime | None]  # it waits, and its time-outs count, from then on. None: from its creation
    priority: Mapped[int] = mapped_column(server_default="5")
    concurrency_key: Mapped[str | None]
    concurrency_limit: Mapped[int | None]  # of those that run with this key; None: it has no key
    # Of what a schedule has made, and for which of its times. No foreign key: it outlives the schedule.
    schedule_id: Mapped[str | None]
    schedule_name: Mapped[str | None]
    scheduled_time: Mapped[datetime | None]
    # Who is told of its end beside the webhooks of its project, and which ends are told.
    webhook_url: Mapped[str | None]
    webhook_events: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    replayed_from: Mapped[str | None]  # the invocation that this is once more, which may be deleted by now


class BatchRow(Base):
    """Invocations that were created by one request, of one function; those of a replay are of any functions of one
    project, and its own is that of the first. The counts are of those that have ended."""

    __tablename__ = "batches"

    batch_id: Mapped[str] = mapped_column(primary_key=True)
    function_id: Mapped[int] = mapped_column(ForeignKey("functions.function_id", ondelete="CASCADE"))
    parent_invocation_id: Mapped[str | None]  # its invocations refer to the parent, and keep it
    is_replay: Mapped[bool] = mapped_column(server_default=false())
    size: Mapped[int]
    ended: Mapped[int] = mapped_column(server_default="0")
    succeeded: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    cancelled: Mapped[int] = mapped_column(server_default="0")
    timed_out: Mapped[int] = mapped_column(server_default="0")
    aborted: Mapped[int] = mapped_column(server_default="0")
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    last_update_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    cancellation_request_time: Mapped[datetime | None]
    completion_time: Mapped[datetime | None]  # when the last of them ended
    not_before: Mapped[datetime | None]  # as of its invocations


class BatchIdempotencyKeyRow(Base):
    """A client's key for the creation of a batch, as `IdempotencyKeyRow`. `function_name`: of a replay empty."""

    __tablename__ = "batch_idempotency_keys"

    project_name: Mapped[str] = mapped_column(ForeignKey("projects.project_name", ondelete="CASCADE"), primary_key=True)
    function_name: Mapped[str] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    request_fingerprint: Mapped[str]
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.batch_id", ondelete="CASCADE"), index=True)


class IdempotencyKeyRow(Base):
    """A client's key for one submit, kept as long as its invocation, whatever `latest` means by then."""

    __tablename__ = "idempotency_keys"

    project_name: Mapped[str] = mapped_column(ForeignKey("projects.project_name", ondelete="CASCADE"), primary_key=True)
    function_name: Mapped[str] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    request_fingerprint: Mapped[str]
    invocation_id: Mapped[str] = mapped_column(ForeignKey("invocations.invocation_id", ondelete="CASCADE"), index=True)


class ExecutionRow(Base):
    """One attempt. A slot of its function is a row whose container is not TERMINATED."""

    __tablename__ = "executions"
    __table_args__ = (UniqueConstraint("invocation_id", "attempt", name="executions_by_attempt"),)

    execution_id: Mapped[str] = mapped_column(primary_key=True)
    invocation_id: Mapped[str] = mapped_column(ForeignKey("invocations.invocation_id", ondelete="CASCADE"))
    function_id: Mapped[int] = mapped_column(BigInteger)  # whose slot it holds: its function's, or the group's
    attempt: Mapped[int]
    # Columns are named as on the wire. A row has them under these names: statements that are read by name label them.
    container_status: Mapped[str] = mapped_column("worker_status", key="container_status", server_default="PENDING")
    # When the activity of this execution took up its slot, and when its workflow was last signalled that it has one.
    claim_time: Mapped[datetime | None]
    grant_signal_time: Mapped[datetime | None]
    launches: Mapped[int] = mapped_column(server_default="0")
    refused_launches: Mapped[int] = mapped_column(server_default="0")  # how many of them started no container
    launch_time: Mapped[datetime | None]  # when the current launch was noted, before it was first sent
    # When the first was noted of the launches before it that were refused one after the other. None: it follows none.
    refused_since: Mapped[datetime | None]
    failed_starts: Mapped[int] = mapped_column(server_default="0")  # containers in a row before it that never ran
    container_type: Mapped[str | None] = mapped_column("worker_type", key="container_type")
    container_identifier: Mapped[str | None] = mapped_column("worker_identifier", key="container_identifier")
    logs_identifier: Mapped[str | None]
    termination_signal_time: Mapped[datetime | None]
    outcome: Mapped[str | None]
    output: Mapped[str | None]
    error_message: Mapped[str | None]
    error_traceback: Mapped[str | None]
    is_retryable: Mapped[bool | None]  # False: its failure is final. None: as True
    queued_ms: Mapped[int | None] = mapped_column(BigInteger)  # how long it waited for its slot
    # How long containers of launches before the current one ran. None: there was none, or a release wrote none.
    earlier_launches_ms: Mapped[int | None] = mapped_column(BigInteger)
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    last_update_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    execution_start_time: Mapped[datetime | None]
    execution_finish_time: Mapped[datetime | None]
    output_blob_id: Mapped[str | None]  # then `output` is what was reported before
    # Of the newest launch, where containers are reused: `catalog.warm_containers`.
    is_warm_start: Mapped[bool | None]  # whether it has leased one that was there; None: nor has it begun one
    released_time: Mapped[datetime | None]  # when its container had let it go
    exit_code: Mapped[int | None]  # of its process, where that has not reported
    concurrency_key: Mapped[str | None]  # its invocation's


class WaitingExecutionRow(Base):
    """The queue: an execution that has no slot yet. In the order of `rank`, then of the invocation's id."""

    __tablename__ = "waiting_executions"

    invocation_id: Mapped[str] = mapped_column(
        ForeignKey("invocations.invocation_id", ondelete="CASCADE"), primary_key=True
    )
    # Whose slots it waits for: its function's, or the group's. None: nobody's yet, as it is of a batch with a delay.
    function_id: Mapped[int | None] = mapped_column(BigInteger)
    execution_id: Mapped[str]
    attempt: Mapped[int]
    # Since when its invocation waits, moved by its priority: `catalog.ranks`.
    rank: Mapped[datetime] = mapped_column("invocation_creation_time", key="rank")
    concurrency_key: Mapped[str] = mapped_column(server_default="")  # empty: it has none
    concurrency_limit: Mapped[int | None]


def epoch_second(time: Mapped[datetime]) -> ColumnElement[int]:
    """A time as the wire shows it: whole seconds since 1970, rounded down.

    `AT TIME ZONE 'UTC'` first: only the epoch of a time without zone is IMMUTABLE, as an index expression must be.
    """
    return func.floor(extract("epoch", func.timezone(literal_column("'UTC'"), time)), type_=BigInteger)


def seconds_backwards(time: Mapped[datetime]) -> ColumnElement[int]:
    """As `epoch_second`, the newest first: with an id behind it, it is an order in which an index finds any place."""
    return -epoch_second(time)


def is_incomplete(invocation: type[InvocationRow]) -> ColumnElement[bool]:
    """Whether it lacks what releases did not write once: its names, or how it ended."""
    return or_(
        invocation.project_name.is_(None),
        and_(invocation.status == "TERMINATED", invocation.attempts.is_(None)),
    )


# What has ended by its outcome, if that is recorded, and what runs: lists are made of one page of each.
INVOCATION_STATE: ColumnElement[str] = func.coalesce(InvocationRow.outcome, InvocationRow.status, type_=Text)
_NEWEST_FIRST = (INVOCATION_STATE, seconds_backwards(InvocationRow.creation_time), InvocationRow.invocation_id)

Index("functions_refused", FunctionRow.version_id, postgresql_where=FunctionRow.preparation_error.is_not(None))
Index("functions_reusing", FunctionRow.function_id, postgresql_where=FunctionRow.reuse.is_not(None))
Index(
    "invocations_newest_first",
    InvocationRow.function_id,
    epoch_second(InvocationRow.creation_time).desc(),
    InvocationRow.invocation_id,
)
Index("invocations_of_project", InvocationRow.project_name, *_NEWEST_FIRST)
Index("invocations_of_name", InvocationRow.project_name, InvocationRow.function_name, *_NEWEST_FIRST)
Index("invocations_of_function", InvocationRow.function_id, *_NEWEST_FIRST)
Index("invocations_incomplete", InvocationRow.invocation_id, postgresql_where=is_incomplete(InvocationRow))
Index(
    "invocations_of_parent",
    InvocationRow.parent_invocation_id,
    *_NEWEST_FIRST,
    postgresql_where=InvocationRow.parent_invocation_id.is_not(None),
)
Index(
    "invocations_of_concurrency_key",
    InvocationRow.project_name,
    InvocationRow.concurrency_key,
    *_NEWEST_FIRST,
    postgresql_where=InvocationRow.concurrency_key.is_not(None),
)
Index(
    "invocations_by_tags",
    InvocationRow.tags,
    postgresql_using="gin",
    postgresql_ops={"tags": "jsonb_path_ops"},
    postgresql_where=InvocationRow.tags.is_not(None),
)
Index(
    "invocations_by_batch",
    InvocationRow.batch_id,
    InvocationRow.batch_index,
    unique=True,
    postgresql_where=InvocationRow.batch_id.is_not(None),
)
Index(
    "invocations_by_batch_position",
    InvocationRow.batch_id,
    InvocationRow.batch_position,
    unique=True,
    postgresql_where=InvocationRow.batch_position.is_not(None),
)
# What a release that knew no batches has ended, next to nothing.
Index(
    "invocations_without_position",
    InvocationRow.batch_id,
    postgresql_where=and_(
        InvocationRow.batch_id.is_not(None),
        InvocationRow.batch_position.is_(None),
        InvocationRow.status == "TERMINATED",
    ),
)
Index("batches_newest_first", BatchRow.function_id, epoch_second(BatchRow.creation_time).desc(), BatchRow.batch_id)
Index("batches_by_parent", BatchRow.parent_invocation_id, postgresql_where=BatchRow.parent_invocation_id.is_not(None))
Index("batches_ended", BatchRow.completion_time, postgresql_where=BatchRow.completion_time.is_not(None))
Index("batches_running", BatchRow.function_id, postgresql_where=BatchRow.completion_time.is_(None))
Index("invocations_running", InvocationRow.function_id, postgresql_where=InvocationRow.status == "RUNNING")
Index("invocations_ended", InvocationRow.last_update_time, postgresql_where=InvocationRow.status == "TERMINATED")
# As the condition of the index, and no parameter: a plan for any parameters cannot use the index for one, and reads all
# executions that there are.
HOLDS_SLOT: ColumnElement[bool] = ExecutionRow.container_status != literal_column("'TERMINATED'")
Index("executions_holding_slots", ExecutionRow.function_id, postgresql_where=HOLDS_SLOT)
Index(
    "waiting_executions_oldest_first",
    WaitingExecutionRow.function_id,
    WaitingExecutionRow.rank,
    WaitingExecutionRow.invocation_id,
)
Index(
    "waiting_executions_by_key",
    WaitingExecutionRow.function_id,
    WaitingExecutionRow.concurrency_key,
    WaitingExecutionRow.rank,
    WaitingExecutionRow.invocation_id,
)
