"""What a provisioner is asked to run, and what it reports. A worker is one container: one launch of one execution."""

from dataclasses import dataclass, field
from enum import StrEnum

from domain.entities import WorkerDetails
from domain.identifiers import ExecutionId, FunctionRef, InvocationId
from domain.specs import ResourceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerName:
    """Names a worker before it exists. Launches are counted from 1; a second one replaces a container lost to
    infrastructure within the same execution."""

    execution_id: ExecutionId
    launch: int

    def __str__(self) -> str:
        return f"{self.execution_id}-{self.launch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRequest:
    """Everything a launch needs: a pure function of the execution, so that a repeated request is byte-identical."""

    name: WorkerName
    function: FunctionRef
    invocation_id: InvocationId
    docker_image: str
    prepared_identifier: str
    resource_spec: ResourceSpec
    command: tuple[str, ...] | None
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A launched worker: its name and where the provisioner finds it."""

    name: WorkerName
    details: WorkerDetails


class ExitCause(StrEnum):
    EXITED = "EXITED"  # by itself, or the user's code killed it: the user's budget
    STOPPED = "STOPPED"  # because we stopped it
    LOST = "LOST"  # infrastructure took it away: launched again inside the execution


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerExit:
    """Why a worker is gone, in a sentence a user can act on."""

    cause: ExitCause
    reason: str
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Log lines, oldest first, and the offset to go on from; None only where there is no log yet."""

    lines: tuple[str, ...]
    next_offset: str | None
