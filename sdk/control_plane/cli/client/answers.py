"""The API's answers, as far as commands look at them; the rest is kept, so that --json prints all that was said."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    model_config = ConfigDict(extra="allow")

    def document(self) -> dict[str, Any]:
        """As the API gave it."""
        return self.model_dump(mode="json")


class Project(Answer):
    project_name: str
    deletion_request_time: int | None
    creation_time: int


class ProjectsList(Answer):
    projects: list[Project]


class ResourceSpec(Answer):
    virtual_cpus: float
    memory_gbs: float
    max_concurrency: int


class ExecutionSpec(Answer):
    max_retries: int
    timeout_seconds: int


class Function(Answer):
    function_name: str
    docker_image: str
    resource_spec: ResourceSpec
    execution_spec: ExecutionSpec
    command: list[str] | None
    function_status: str
    preparation_error: str | None


class Version(Answer):
    project_name: str
    version_id: str
    creation_time: int
    functions: list[Function]


class ListedVersion(Answer):
    version_id: str
    creation_time: int


class VersionsList(Answer):
    """Newest first."""

    project_name: str
    versions: list[ListedVersion]


class Execution(Answer):
    execution_id: str
    worker_status: str
    termination_signal_time: int | None
    outcome: Literal["SUCCEEDED", "FAILED", "ABORTED"] | None
    output: str | None
    error_message: str | None
    creation_time: int
    last_update_time: int
    execution_start_time: int | None


class Invocation(Answer):
    """An invocation, its attempts oldest first."""

    project_name: str
    version_id: str
    function_name: str
    invocation_id: str
    execution_spec: ExecutionSpec
    input: str
    preparation_error: str | None
    cancellation_request_time: int | None
    invocation_status: Literal["RUNNING", "TERMINATED"]
    creation_time: int
    last_update_time: int
    executions: list[Execution]

    @property
    def latest(self) -> Execution | None:
        return self.executions[-1] if self.executions else None

    @property
    def has_succeeded(self) -> bool:
        return any(execution.outcome == "SUCCEEDED" for execution in self.executions)


class ListedInvocation(Answer):
    invocation_id: str
    cancellation_request_time: int | None
    invocation_status: Literal["RUNNING", "TERMINATED"]
    creation_time: int
    last_update_time: int


class InvocationsPage(Answer):
    version_id: str
    invocations: list[ListedInvocation]
    next_offset: str | None


class LogPage(Answer):
    log_lines: list[str]
    next_offset: str | None


class ImageFolder(Answer):
    path: str
    identity: str


class RepositoryCredentials(Answer):
    repository_name: str
    username: str
    password: str
    endpoint_url: str
