"""Warm containers and their leases as read back from the catalog."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Self

from sqlalchemy import Row

from control_plane_server.catalog.converters import to_container_details
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import ContainerDetails
from control_plane_server.domain.identifiers import ExecutionId, FunctionRef, InvocationId, WarmContainerId

# What `to_warm_container` reads of a row that is named `warm`, as SQL.
COLUMNS = """warm.container_id, warm.state, warm.execution_id, warm.launch, warm.is_delivered, warm.container_type,
    warm.container_identifier, warm.logs_identifier, clock_timestamp() - warm.creation_time AS age,
    clock_timestamp() - warm.lease_time AS lease_age, warm.executions,
    warm.heard_time IS NOT NULL AS has_asked,
    warm.heard_time IS NOT NULL AND warm.lease_time > warm.creation_time AS was_idle"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmContainer:
    """`execution_id`, `launch`: of its lease; None: it has none. `is_delivered`: it was told of the lease.
    `details`: None until it is recorded where the provisioner finds it. `age`: since its row was written; `lease_age`:
    since it was leased. `executions`: how many were delivered to it. `has_asked`: for an execution, as it does once it
    has imported the user's module. `was_idle`: the lease is of one that was there."""

    container_id: WarmContainerId
    state: State
    execution_id: ExecutionId | None
    launch: int | None
    is_delivered: bool
    details: ContainerDetails | None
    age: timedelta
    lease_age: timedelta | None
    executions: int
    has_asked: bool
    was_idle: bool

    @property
    def name(self) -> ContainerName:
        return ContainerName.of_warm(self.container_id)

    @property
    def container(self) -> Container | None:
        """None until it is recorded where the provisioner finds it."""
        return None if self.details is None else Container(name=self.name, details=self.details)


def to_warm_container(row: Row[Any]) -> WarmContainer:
    return WarmContainer(
        container_id=WarmContainerId(row.container_id),
        state=State(row.state),
        execution_id=None if row.execution_id is None else ExecutionId(row.execution_id),
        launch=row.launch,
        is_delivered=row.is_delivered,
        details=to_container_details(row.container_type, row.container_identifier, row.logs_identifier),
        age=row.age,
        lease_age=row.lease_age,
        executions=row.executions,
        has_asked=row.has_asked,
        was_idle=bool(row.was_idle),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What a container is told of the execution that it is to run. `traceparent`: of the span of the launch."""

    function: FunctionRef
    invocation_id: InvocationId
    execution_id: ExecutionId
    launch: int
    traceparent: str | None

    def to_words(self) -> str:
        """For a notification, which takes less than 8,000 bytes: names are bounded to far less."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of_words(cls, words: str) -> Self:
        document = json.loads(words)
        return cls(**document | {"function": FunctionRef(**document["function"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLease:
    """What a container says of an execution that is over in it. `exit_code`: of its process; None: not known."""

    execution_id: ExecutionId
    launch: int
    exit_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is notified of an execution that its container has let go of. `exit_code`: of a process that did not
    report. `must_stop`: it had been told to stop."""

    launch: int
    exit_code: int | None
    must_stop: bool

    @classmethod
    def of_words(cls, words: str) -> Self:
        return cls(**json.loads(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What a container is to do. `must_stop`: it has a lease, and the execution is to stop. `must_end`: it takes no
    execution any more. `expires_in`: when it must end unless it is leased before; None: not by time."""

    lease: Lease | None = None
    must_stop: bool = False
    must_end: bool = False
    expires_in: timedelta | None = None
