"""What users declare about a function, and what became of it, on the wire."""

import json
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, model_validator

from api.arguments import checkable, wrong_argument
from api.schemas.bounded import (
    DockerImage,
    FinalError,
    FunctionNameText,
    MaxConcurrency,
    MaxRetries,
    MemoryGbs,
    RetryBackoffCoefficient,
    RetryInitialInterval,
    RetryJitter,
    RetryMaxInterval,
    Text,
    TimeoutSeconds,
    VirtualCpus,
    storable,
)
from api.schemas.environments import Environment, Secrets
from api.schemas.platforms import Platform
from api.schemas.reuse import Reuse
from api.schemas.schedules import DeclaredSchedule, DeclaredSchedules
from api.schemas.times import epoch_seconds, optional_epoch_seconds
from api.schemas.workers import WorkerType
from control_plane_server.domain import bounds, entities, specs
from control_plane_server.domain.entities import FunctionStatus
from control_plane_server.domain.identifiers import FunctionName
from control_plane_server.domain.platforms import NO_PLATFORM


class ResourceSpec(BaseModel):
    """`concurrency`: whether `max_concurrency` is of each version by itself, or of all READY versions of the function
    that say "function" together; then the number of the one declared last counts."""

    virtual_cpus: VirtualCpus
    memory_gbs: MemoryGbs
    max_concurrency: MaxConcurrency
    concurrency: specs.Concurrency = specs.Concurrency.VERSION

    @classmethod
    def of(cls, spec: specs.ResourceSpec) -> Self:
        return cls(
            virtual_cpus=spec.virtual_cpus,
            memory_gbs=spec.memory_gbs,
            max_concurrency=spec.max_concurrency,
            concurrency=spec.concurrency,
        )

    def to_domain(self) -> specs.ResourceSpec:
        return specs.ResourceSpec(
            virtual_cpus=self.virtual_cpus,
            memory_gbs=self.memory_gbs,
            max_concurrency=self.max_concurrency,
            concurrency=self.concurrency,
        )


class ExecutionSpec(BaseModel):
    """Retries after the first attempt, the timeout from the invocation's creation on, and the back-off in seconds.

    The interval between attempts starts at the initial one and is multiplied by the coefficient up to the greatest one,
    which is 60 seconds, or the initial interval if that is longer, unless it is given.

    An execution that runs for longer than `attempt_timeout_seconds` is stopped, and a failed attempt. An invocation of
    which no execution has a slot within `queue_timeout_seconds` of its creation times out. Null: no such limit.

    The interval is drawn from `retry_jitter` times itself less to as much more, up to the greatest one. No attempt
    follows a failure whose `error_message` is, or has before its first colon, a text of `no_retry_on`: `ValueError`,
    and of commands `exit code 3`. With `resume_children` our program in a container hands the keys of
    earlier attempts over when it calls other functions: `resume_keys` of a submit.
    """

    max_retries: MaxRetries
    timeout_seconds: TimeoutSeconds
    retry_initial_interval_seconds: RetryInitialInterval = 1.0
    retry_backoff_coefficient: RetryBackoffCoefficient = 2.0
    retry_max_interval_seconds: RetryMaxInterval = 60.0
    attempt_timeout_seconds: TimeoutSeconds | None = None
    queue_timeout_seconds: TimeoutSeconds | None = None
    retry_jitter: RetryJitter = 0.0
    no_retry_on: Annotated[list[FinalError], Field(fail_fast=True, max_length=bounds.MAX_FINAL_ERRORS)] = []
    resume_children: bool = False

    @model_validator(mode="after")
    def _intervals_do_not_shrink(self) -> Self:
        if "retry_max_interval_seconds" not in self.model_fields_set:
            self.retry_max_interval_seconds = max(self.retry_max_interval_seconds, self.retry_initial_interval_seconds)
        if self.retry_max_interval_seconds < self.retry_initial_interval_seconds:
            raise ValueError("retry_max_interval_seconds must not be less than retry_initial_interval_seconds")
        return self

    @classmethod
    def of(cls, spec: specs.ExecutionSpec) -> Self:
        return cls(
            max_retries=spec.max_retries,
            timeout_seconds=spec.timeout_seconds,
            retry_initial_interval_seconds=spec.retry_initial_interval_seconds,
            retry_backoff_coefficient=spec.retry_backoff_coefficient,
            retry_max_interval_seconds=spec.retry_max_interval_seconds,
            attempt_timeout_seconds=spec.attempt_timeout_seconds,
            queue_timeout_seconds=spec.queue_timeout_seconds,
            retry_jitter=spec.retry_jitter,
            no_retry_on=list(spec.no_retry_on),
            resume_children=spec.resume_children,
        )

    def to_domain(self) -> specs.ExecutionSpec:
        return specs.ExecutionSpec(
            max_retries=self.max_retries,
            timeout_seconds=self.timeout_seconds,
            retry_initial_interval_seconds=self.retry_initial_interval_seconds,
            retry_backoff_coefficient=self.retry_backoff_coefficient,
            retry_max_interval_seconds=self.retry_max_interval_seconds,
            attempt_timeout_seconds=self.attempt_timeout_seconds,
            queue_timeout_seconds=self.queue_timeout_seconds,
            retry_jitter=self.retry_jitter,
            no_retry_on=tuple(self.no_retry_on),
            resume_children=self.resume_children,
        )


def _bounded_command(command: list[str], info: ValidationInfo) -> list[str]:
    if not command:
        raise ValueError(f"{info.field_name} must not be empty")
    if sum(len(argument) for argument in command) > bounds.MAX_COMMAND_LENGTH:
        raise ValueError(f"{info.field_name} must not exceed {bounds.MAX_COMMAND_LENGTH} characters")
    return command


Command = Annotated[
    list[Text],
    Field(fail_fast=True, max_length=bounds.MAX_COMMAND_WORDS, json_schema_extra={"minItems": 1}),
    AfterValidator(_bounded_command),
]


def _bounded_signature(signature: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    try:
        text = json.dumps(signature, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise ValueError(f"{info.field_name} must not have numbers that JSON has not") from None
    if len(storable(text).encode()) > bounds.MAX_SIGNATURE_BYTES:
        raise ValueError(f"{info.field_name} must not exceed {bounds.MAX_SIGNATURE_BYTES} bytes of JSON")
    if signature.get("type") != "object":
        raise ValueError(f'{info.field_name} must be a JSON Schema of type "object", the arguments by their names')
    return signature


# A JSON Schema of the arguments by their names, as an object. `x-positional`: those that may be given by position, in
# order; `x-variadic`: any more by position.
Signature = Annotated[dict[str, Any], AfterValidator(_bounded_signature)]


class FunctionSpec(BaseModel):
    """With a command, its exit code is the outcome; without one, the image itself speaks the worker protocol.

    `environment`: variables of its containers. `secrets`: by the name of the variable, the name of a secret of the
    project, or on ecs an ARN of Secrets Manager or Parameter Store. `reuse`: null: each execution has a container of
    its own. `schedules`: that call it while this version is the latest.
    """

    function_name: FunctionNameText
    docker_image_override: DockerImage | None = None
    resource_spec: ResourceSpec
    execution_spec: ExecutionSpec
    command: Command | None = None
    signature: Signature | None = None
    environment: Environment = {}
    secrets: Secrets = {}
    platform: Platform | None = None
    reuse: Reuse | None = None
    schedules: DeclaredSchedules = []

    @model_validator(mode="after")
    def _schedules_call_it_rightly(self) -> Self:
        if self.signature is None or self.command is not None:
            return self
        schema = checkable(self.signature)
        for schedule in self.schedules:
            error = wrong_argument(schema, schedule.input, function_name=self.function_name)
            if error is not None:
                raise ValueError(f"input of schedule {schedule.name!r}: {error}")
        return self

    @model_validator(mode="after")
    def _keeps_no_more_than_may_run(self) -> Self:
        idle, most = 0 if self.reuse is None else self.reuse.min_idle, self.resource_spec.max_concurrency
        if idle > most:
            raise ValueError(f"min_idle must not exceed max_concurrency: {idle} containers would wait, {most} may run")
        return self

    def to_domain(self, default_docker_image: str) -> specs.FunctionSpec:
        return specs.FunctionSpec(
            function_name=FunctionName(self.function_name),
            docker_image=default_docker_image if self.docker_image_override is None else self.docker_image_override,
            resource_spec=self.resource_spec.to_domain(),
            execution_spec=self.execution_spec.to_domain(),
            command=None if self.command is None else tuple(self.command),
            signature=None if self.signature is None else json.dumps(self.signature, ensure_ascii=False),
            environment=self.environment,
            secrets=self.secrets,
            platform=NO_PLATFORM if self.platform is None else self.platform.to_domain(),
            reuse=None if self.reuse is None else self.reuse.to_domain(),
            schedules=tuple(schedule.to_domain(schedule.name) for schedule in self.schedules),
        )


class PreparedFunctionDetails(BaseModel):
    type: WorkerType
    identifier: str

    @classmethod
    def of(cls, prepared: entities.PreparedFunction | None) -> Self | None:
        return None if prepared is None else cls(type=WorkerType(prepared.type), identifier=prepared.identifier)


class FunctionInfoForVersion(BaseModel):
    """`paused_since`: null: it is not paused by itself. `paused_until`: null: until it is resumed."""

    function_name: str
    docker_image: str
    resource_spec: ResourceSpec
    execution_spec: ExecutionSpec
    command: list[str] | None
    function_status: FunctionStatus
    prepared_function_details: PreparedFunctionDetails | None
    preparation_error: str | None
    signature: dict[str, Any] | None
    environment: dict[str, str]
    secrets: dict[str, str]
    platform: Platform | None
    reuse: Reuse | None
    schedules: list[DeclaredSchedule]
    paused_since: int | None
    paused_until: int | None

    @classmethod
    def of(cls, function: entities.Function) -> Self:
        return cls(
            function_name=function.ref.function_name,
            docker_image=function.docker_image,
            resource_spec=ResourceSpec.of(function.resource_spec),
            execution_spec=ExecutionSpec.of(function.execution_spec),
            command=None if function.command is None else list(function.command),
            function_status=function.status,
            prepared_function_details=PreparedFunctionDetails.of(function.prepared),
            preparation_error=function.preparation_error,
            signature=None if function.signature is None else json.loads(function.signature),
            environment=dict(function.environment),
            secrets=dict(function.secrets),
            platform=Platform.of(function.platform),
            reuse=Reuse.of(function.reuse),
            schedules=[DeclaredSchedule.of(spec) for spec in function.schedules],
            paused_since=None if function.pause is None else epoch_seconds(function.pause.since),
            paused_until=None if function.pause is None else optional_epoch_seconds(function.pause.until),
        )
