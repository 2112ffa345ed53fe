"""The API's answers: what clients look at as attributes, named as on the wire; the rest is kept in `document`."""

from __future__ import annotations

from typing import Any, Callable, ClassVar, Dict, List, Mapping, TypeVar

from control_plane.errors import Unreachable

Parts = Mapping[str, Callable[[Any], Any]]
AnAnswer = TypeVar("AnAnswer", bound="Answer")


class Answer:
    """`document`: as the API gave it. Times are epoch seconds."""

    document: Dict[str, Any]
    _PARTS: ClassVar[Parts] = {}

    def __init__(self, document: Dict[str, Any]) -> None:
        """Raises KeyError, TypeError for what is no such answer."""
        self.document = document
        for name in type(self).__annotations__:
            if name[0] != "_":
                value = document[name]
                setattr(self, name, self._PARTS[name](value) if name in self._PARTS else value)

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self.document)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Answer) and other.document == self.document

    __hash__ = None  # type: ignore[assignment]  # as of the dict that it is made of


def read(answer: Callable[[Any], AnAnswer], document: Any, *, peer_name: str) -> AnAnswer:
    """Raises Unreachable."""
    try:
        return answer(document)
    except (KeyError, TypeError) as error:
        what = "there is no %s in it" % error if isinstance(error, KeyError) else str(error)
        raise Unreachable(
            "%s answers what this client does not understand (%s); is it a control plane, and as new as this?"
            % (peer_name, what)
        ) from error


def each(answer: Callable[[Any], AnAnswer]) -> Callable[[Any], List[AnAnswer]]:
    return lambda documents: [answer(document) for document in documents]


class Project(Answer):
    project_name: str
    deletion_request_time: int | None
    creation_time: int


class Projects(Answer):
    projects: List[Project]
    _PARTS: ClassVar[Parts] = {"projects": each(Project)}


class Pause(Answer):
    """Of a project, or of a function. `paused_since`: None: it is not paused. `paused_until`: None: until it is
    resumed."""

    project_name: str
    function_name: str | None
    paused_since: int | None
    paused_until: int | None


class Secret(Answer):
    """Without its value, which nobody is told. `last_update_time`: when that was set last."""

    secret_name: str
    creation_time: int
    last_update_time: int


class Secrets(Answer):
    """A page of them, newest first."""

    secrets: List[Secret]
    next_offset: str | None
    _PARTS: ClassVar[Parts] = {"secrets": each(Secret)}


class Rotation(Answer):
    """Of the values of all secrets: how many were encrypted anew just now, how many are still to be, and how many no
    key decrypts."""

    rotated: int
    remaining: int
    unreadable: int


class ResourceSpec(Answer):
    virtual_cpus: float
    memory_gbs: float
    max_concurrency: int


class ExecutionSpec(Answer):
    max_retries: int
    timeout_seconds: int


class FunctionInfo(Answer):
    function_name: str
    docker_image: str
    resource_spec: ResourceSpec
    execution_spec: ExecutionSpec
    command: List[str] | None
    function_status: str
    preparation_error: str | None
    _PARTS: ClassVar[Parts] = {"resource_spec": ResourceSpec, "execution_spec": ExecutionSpec}

    @property
    def signature(self) -> Dict[str, Any] | None:
        """JSON Schema of its arguments. None where the declaration does not say, or of an earlier release."""
        return self.document.get("signature")


class Version(Answer):
    project_name: str
    version_id: str
    creation_time: int
    functions: List[FunctionInfo]
    _PARTS: ClassVar[Parts] = {"functions": each(FunctionInfo)}

    @property
    def status(self) -> str | None:
        """PENDING, READY, or REFUSED: a function of it never will be READY. None: of an earlier release."""
        return self.document.get("status")

    @property
    def is_latest(self) -> bool | None:
        """Whether `latest` is this one. None: of an earlier release."""
        return self.document.get("is_latest")


class ListedVersion(Answer):
    version_id: str
    creation_time: int

    @property
    def status(self) -> str | None:
        """As of a `Version`."""
        return self.document.get("status")

    @property
    def is_latest(self) -> bool | None:
        """As of a `Version`."""
        return self.document.get("is_latest")


class Versions(Answer):
    """Newest first."""

    project_name: str
    versions: List[ListedVersion]
    _PARTS: ClassVar[Parts] = {"versions": each(ListedVersion)}


class Phases(Answer):
    """Where the time went; None where it is not known yet, and of an earlier release."""

    @property
    def queued_seconds(self) -> float | None:
        """How long it waited for its turn, all attempts together."""
        return self.document.get("queued_seconds")

    @property
    def starting_seconds(self) -> float | None:
        """From its turns to the starts of the function."""
        return self.document.get("starting_seconds")

    @property
    def running_seconds(self) -> float | None:
        """How long the function ran."""
        return self.document.get("running_seconds")


class Course(Phases):
    """How an invocation went, all attempts together; None where it is not known yet, and of an earlier release."""

    @property
    def error_message(self) -> str | None:
        """Why it has not succeeded; in lists one line."""
        return self.document.get("error_message")

    @property
    def attempts(self) -> int | None:
        """How many there are."""
        return self.document.get("attempts")


class Execution(Phases):
    execution_id: str
    worker_status: str
    termination_signal_time: int | None
    outcome: str | None
    output: str | None
    error_message: str | None
    creation_time: int
    last_update_time: int
    execution_start_time: int | None


class InvocationInfo(Course):
    """An invocation, its attempts oldest first."""

    project_name: str
    version_id: str
    function_name: str
    invocation_id: str
    execution_spec: ExecutionSpec
    input: str
    preparation_error: str | None
    cancellation_request_time: int | None
    invocation_status: str
    creation_time: int
    last_update_time: int
    executions: List[Execution]
    _PARTS: ClassVar[Parts] = {"execution_spec": ExecutionSpec, "executions": each(Execution)}

    @property
    def latest(self) -> Execution | None:
        return self.executions[-1] if self.executions else None


class ListedInvocation(Answer):
    invocation_id: str
    cancellation_request_time: int | None
    invocation_status: str
    creation_time: int
    last_update_time: int

    @property
    def outcome(self) -> str | None:
        """None while it runs, and of an earlier release."""
        return self.document.get("outcome")


class FunctionInvocations(Answer):
    """A page of those of one function, newest first."""

    version_id: str
    invocations: List[ListedInvocation]
    next_offset: str | None
    _PARTS: ClassVar[Parts] = {"invocations": each(ListedInvocation)}


class FailureGroup(Answer):
    """Invocations that have ended alike without success. `error_message`: a line, what varies in it left out;
    `example_message`: one of them as it is."""

    function_name: str
    outcome: str
    error_message: str | None
    example_message: str | None
    count: int
    first_time: int
    last_time: int
    newest_invocation_id: str


class Failures(Answer):
    """Those with the newest failure first."""

    project_name: str
    failures: List[FailureGroup]
    _PARTS: ClassVar[Parts] = {"failures": each(FailureGroup)}


class BatchInfo(Answer):
    """`counts`: queued, running, and each outcome."""

    project_name: str
    version_id: str | None  # None of a replay, which may be of several functions
    function_name: str | None
    batch_id: str
    size: int
    status: str
    creation_time: int
    cancellation_request_time: int | None
    counts: Dict[str, int]

    @property
    def is_resumed(self) -> bool:
        """Whether a submit was answered with this one, which an earlier attempt had made."""
        return bool(self.document.get("is_resumed"))


class LogPage(Answer):
    log_lines: List[str]
    next_offset: str | None

    @property
    def entries(self) -> List[Dict[str, Any]]:
        """Lines with when (`time_ms`, since the epoch) and where (`stream`, stdout or stderr) they were written, both
        None where that is not known."""
        plain = [{"time_ms": None, "stream": None, "line": line} for line in self.log_lines]
        entries: List[Dict[str, Any]] = self.document.get("log_entries", plain)  # an earlier release has none
        return entries


class ImageFolder(Answer):
    path: str
    identity: str


class RepositoryCredentials(Answer):
    repository_name: str
    username: str
    password: str
    endpoint_url: str

    @property
    def platform(self) -> str | None:
        """What to build images for, as `docker build --platform` takes it; None: an earlier release does not say."""
        return self.document.get("platform")
