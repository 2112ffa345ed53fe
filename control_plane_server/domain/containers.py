"""What a provisioner is asked to run, and what it reports. A container is one launch of one execution, or a
warm one, which takes one execution after the other."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from control_plane_server.domain.entities import ContainerDetails
from control_plane_server.domain.identifiers import ExecutionId, FunctionRef, InvocationId, WarmContainerId
from control_plane_server.domain.platforms import NO_PLATFORM, Platform
from control_plane_server.domain.reuse import ReuseSpec
from control_plane_server.domain.specs import ResourceSpec

_CONTAINER_NAME = re.compile(r"((?:exe|con)-[0-9a-f]{32})-([1-9][0-9]{0,8})", re.ASCII)
_WARM_PREFIX = "con-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerName:
    """Names a container before it exists. Launches are counted from 1; a second one replaces a container lost to
    infrastructure within the same execution.

    Of a warm container, which is of no one execution, its own id stands in the place of the execution's, and its launch
    is the only one: `of_warm`, `warm_container_id`.
    """

    execution_id: ExecutionId
    launch: int

    def __str__(self) -> str:
        return f"{self.execution_id}-{self.launch}"

    @property
    def warm_container_id(self) -> WarmContainerId | None:
        """None of a container that is of one execution."""
        return WarmContainerId(self.execution_id) if self.execution_id.startswith(_WARM_PREFIX) else None

    @classmethod
    def of_warm(cls, container_id: WarmContainerId) -> Self:
        return cls(execution_id=ExecutionId(container_id), launch=1)

    @classmethod
    def parse(cls, text: str) -> "ContainerName | None":
        """The name that `str` gave; None for any other text."""
        found = _CONTAINER_NAME.fullmatch(text)
        return None if found is None else cls(execution_id=ExecutionId(found[1]), launch=int(found[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRequest:
    """Everything a launch needs: a pure function of the execution, so that a repeated request is byte-identical.

    `invocation_id`: None of a warm container, which asks for its executions. `reuse`: the function's, of a warm
    container alone. `platform`: the function's. `interruptions`, `without_capacity`: of the launches before, as
    `Platform.for_launch` has them.
    """

    name: ContainerName
    function: FunctionRef
    invocation_id: InvocationId | None
    docker_image: str
    prepared_identifier: str
    resource_spec: ResourceSpec
    command: tuple[str, ...] | None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # what the function declares
    token: str = field(repr=False)
    traceparent: str | None = None  # of the span of this launch
    platform: Platform = NO_PLATFORM
    reuse: ReuseSpec | None = None
    interruptions: int = 0
    without_capacity: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A launched container: its name and where the provisioner finds it."""

    name: ContainerName
    details: ContainerDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePage:
    """Some of the containers that run. `next_page`: where to go on; None: there are no more."""

    containers: tuple[Container, ...]
    next_page: str | None = None


class ExitCause(StrEnum):
    """Why a container ended, which decides what follows."""

    EXITED = "EXITED"  # by itself, or the user's code killed it: the user's budget
    STOPPED = "STOPPED"  # because we stopped it
    LOST = "LOST"  # the infrastructure ended it: launched again within the same execution
    MISCONFIGURED = "MISCONFIGURED"  # it could not start, and only an operator can repair that: ends the invocation


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExit:
    """Why a container is gone: `reason` is a sentence that a user can act on. `exit_code`: of its main process, None if
    not known. `lacked_capacity`: it was lost before it ran, as there was no room for it. `failed_to_start`: it was lost
    before it ran, or right after, for another reason, which may be one that never passes. `is_undelivered`: it is warm
    and there, and has not begun what it was given. `ran_for`: from when its program started; None where the platform
    does not tell."""

    cause: ExitCause
    reason: str
    exit_code: int | None = None
    lacked_capacity: bool = False
    failed_to_start: bool = False
    is_undelivered: bool = False
    ran_for: timedelta | None = None


class LogStream(StrEnum):
    """Where a container wrote a line."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A line without its end. `time_ms`: when it was written, in milliseconds since 1970. It and `stream` are None
    where the platform does not know them."""

    line: str
    time_ms: int | None = None
    stream: LogStream | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStart:
    """Where reading begins: at the first line written at `since_ms` or later, then at the last `tail` lines of those.
    None: at the first line, with all of them. A log without times begins at its first line."""

    since_ms: int | None = None
    tail: int | None = None


FIRST_LINE = LogStart()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Log entries, oldest first. `next_offset`: where to go on; None only if there is no log yet."""

    entries: tuple[LogEntry, ...]
    next_offset: str | None

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(entry.line for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTiming:
    """`delay`: how long after it was written a line can be read at the latest, its container's end notwithstanding.
    `longest_pause`: the longest time between two reads of a log that is followed and to which nothing is added."""

    delay: timedelta
    longest_pause: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolder:
    """Where images are kept that are folders. `identity`: what a file in it holds; who finds another, or none, at this
    path is on another machine."""

    path: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryCredentials:
    """What a user pushes images with. `endpoint_url`: of the registry; `repository_name`: in it. `platform`: what
    containers run unless their function says otherwise, `linux/amd64` for example."""

    repository_name: str
    username: str
    password: str = field(repr=False)
    endpoint_url: str
    platform: str

    @property
    def image_prefix(self) -> str:
        """What the names of images in the repository begin with, before tag or digest."""
        return f"{urlsplit(self.endpoint_url).netloc}/{self.repository_name}"
