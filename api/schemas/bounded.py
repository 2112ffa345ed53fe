"""Types of strings and numbers in requests: each with its bound, the contract's message for it, and its schema."""

import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo
from pydantic.fields import FieldInfo

from control_plane_server.catalog.paths import is_storable
from control_plane_server.domain import bounds

_CONTROL_CHARACTERS_AND_SLASH = re.compile("[\x00-\x1f\x7f-\x9f/\ud800-\udfff]")


class LessThan:
    """A length below the limit: exclusive, against what the published texts say, and clients know it so."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def __call__(self, text: str, info: ValidationInfo) -> str:
        if len(text) >= self._limit:
            raise ValueError(f"{info.field_name} cannot exceed {self._limit} characters")
        return text


class BytesUpTo:
    """As UTF-8, the limit inclusive."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def __call__(self, text: str, info: ValidationInfo) -> str:
        if len(text.encode()) > self._limit:
            raise ValueError(f"{info.field_name} must not exceed {self._limit} bytes")
        return text


class Positive:
    """Above 0 and at most the limit."""

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def __call__(self, number: float, info: ValidationInfo) -> float:
        if number <= 0:
            raise ValueError(f"{info.field_name} must be positive")
        return _at_most(self._limit, number, info)


class AtLeast:
    """From the lowest to the limit, both inclusive."""

    def __init__(self, lowest: float, limit: float) -> None:
        self._lowest = lowest
        self._limit = limit

    def __call__(self, number: float, info: ValidationInfo) -> float:
        if number < self._lowest:
            wanted = "non-negative" if self._lowest == 0 else f"at least {self._lowest:.10g}"
            raise ValueError(f"{info.field_name} must be {wanted}")
        return _at_most(self._limit, number, info)


def storable(text: str) -> str:
    """Raises ValueError for NUL characters and lone surrogates: JSON may carry them, Postgres cannot hold them."""
    if not is_storable(text):
        raise ValueError("NUL characters and lone surrogates are not allowed")
    return text


def proper_name(name: str) -> str:
    """A name that fits into a path. Raises ValueError."""
    if _CONTROL_CHARACTERS_AND_SLASH.search(name):
        raise ValueError("names must not contain control characters or slashes")
    if name in (".", ".."):
        raise ValueError("names must not be . or .., which lead elsewhere in a path")
    return name


def image_with_short_components(image: str, info: ValidationInfo) -> str:
    """An image in whose name no part between slashes is longer than a registry takes, tag and digest not counted; in
    the URL of a folder, than a file system does. Raises ValueError."""
    if image.startswith("file:"):
        lengths = [len(unquote(part).encode()) for part in image.split("/")]
    else:
        *parents, last = image.partition("@")[0].split("/")
        lengths = [len(part) for part in (*parents, last.partition(":")[0])]
    if max(lengths) > bounds.MAX_IMAGE_COMPONENT_LENGTH:
        longest = bounds.MAX_IMAGE_COMPONENT_LENGTH
        raise ValueError(f"{info.field_name} must not have a part of more than {longest} characters between slashes")
    return image


def _at_most(limit: float, number: float, info: ValidationInfo) -> float:
    if number > limit:
        raise ValueError(f"{info.field_name} must not exceed {limit:.10g}")
    return number


def _not_empty(name: str, info: ValidationInfo) -> str:
    if not name:
        raise ValueError(f"{info.field_name} must not be empty")
    return name


def _length_up_to(longest: int, *, shortest: int = 0) -> FieldInfo:
    return FieldInfo(json_schema_extra={"minLength": shortest, "maxLength": longest})


def _from_to(lowest: float, highest: float) -> FieldInfo:
    return FieldInfo(allow_inf_nan=False, json_schema_extra={"minimum": lowest, "maximum": highest})


def _above_zero_to(highest: float) -> FieldInfo:
    return FieldInfo(allow_inf_nan=False, json_schema_extra={"exclusiveMinimum": 0, "maximum": highest})


Text = Annotated[str, AfterValidator(storable)]
FunctionNameText = Annotated[
    str,
    AfterValidator(_not_empty),
    AfterValidator(LessThan(bounds.MAX_FUNCTION_NAME_LENGTH + 1)),
    AfterValidator(proper_name),
    _length_up_to(bounds.MAX_FUNCTION_NAME_LENGTH, shortest=1),
]
DockerImage = Annotated[
    Text,
    AfterValidator(LessThan(bounds.MAX_DOCKER_IMAGE_LENGTH + 1)),
    AfterValidator(image_with_short_components),
    _length_up_to(bounds.MAX_DOCKER_IMAGE_LENGTH),
]
Input = Annotated[Text, AfterValidator(LessThan(bounds.MAX_INPUT_LENGTH + 1)), _length_up_to(bounds.MAX_INPUT_LENGTH)]
Output = Annotated[
    Text, AfterValidator(LessThan(bounds.MAX_OUTPUT_LENGTH + 1)), _length_up_to(bounds.MAX_OUTPUT_LENGTH)
]
ErrorMessage = Annotated[
    Text,
    AfterValidator(LessThan(bounds.MAX_ERROR_MESSAGE_LENGTH + 1)),
    _length_up_to(bounds.MAX_ERROR_MESSAGE_LENGTH),
]
ErrorTraceback = Annotated[
    Text,
    AfterValidator(LessThan(bounds.MAX_ERROR_TRACEBACK_LENGTH + 1)),
    _length_up_to(bounds.MAX_ERROR_TRACEBACK_LENGTH),
]

CheckpointValue = Annotated[Text, AfterValidator(BytesUpTo(bounds.MAX_CHECKPOINT_BYTES))]

# Idempotency keys of other submits of the same request.
_Key = StringConstraints(min_length=1, max_length=bounds.MAX_IDEMPOTENCY_KEY_LENGTH, pattern="^[ -~]+$")
ResumeKeys = Annotated[list[Annotated[str, _Key]], Field(fail_fast=True, max_length=bounds.MAX_RESUME_KEYS)]

VirtualCpus = Annotated[
    float, AfterValidator(Positive(bounds.MAX_VIRTUAL_CPUS)), _above_zero_to(bounds.MAX_VIRTUAL_CPUS)
]
MemoryGbs = Annotated[float, AfterValidator(Positive(bounds.MAX_MEMORY_GBS)), _above_zero_to(bounds.MAX_MEMORY_GBS)]
MaxConcurrency = Annotated[int, AfterValidator(Positive(bounds.MAX_CONCURRENCY)), _from_to(1, bounds.MAX_CONCURRENCY)]
MaxRetries = Annotated[int, AfterValidator(AtLeast(0, bounds.MAX_RETRIES)), _from_to(0, bounds.MAX_RETRIES)]
TimeoutSeconds = Annotated[
    int, AfterValidator(Positive(bounds.MAX_TIMEOUT_SECONDS)), _from_to(1, bounds.MAX_TIMEOUT_SECONDS)
]
DelaySeconds = Annotated[
    int, AfterValidator(AtLeast(0, bounds.MAX_DELAY_SECONDS)), _from_to(0, bounds.MAX_DELAY_SECONDS)
]
Priority = Annotated[int, AfterValidator(AtLeast(0, bounds.MAX_PRIORITY)), _from_to(0, bounds.MAX_PRIORITY)]
ConcurrencyKey = Annotated[
    Text,
    AfterValidator(_not_empty),
    AfterValidator(LessThan(bounds.MAX_CONCURRENCY_KEY_LENGTH + 1)),
    _length_up_to(bounds.MAX_CONCURRENCY_KEY_LENGTH, shortest=1),
]
TagValue = Annotated[
    Text, AfterValidator(LessThan(bounds.MAX_TAG_VALUE_LENGTH + 1)), _length_up_to(bounds.MAX_TAG_VALUE_LENGTH)
]
EphemeralStorageGib = Annotated[
    int,
    AfterValidator(AtLeast(bounds.MIN_EPHEMERAL_STORAGE_GIB, bounds.MAX_EPHEMERAL_STORAGE_GIB)),
    _from_to(bounds.MIN_EPHEMERAL_STORAGE_GIB, bounds.MAX_EPHEMERAL_STORAGE_GIB),
]
IdleSeconds = Annotated[int, AfterValidator(Positive(bounds.MAX_IDLE_SECONDS)), _from_to(1, bounds.MAX_IDLE_SECONDS)]
MinIdle = Annotated[int, AfterValidator(AtLeast(0, bounds.MAX_MIN_IDLE)), _from_to(0, bounds.MAX_MIN_IDLE)]
MaxExecutions = Annotated[
    int,
    AfterValidator(Positive(bounds.MAX_EXECUTIONS_OF_CONTAINER)),
    _from_to(1, bounds.MAX_EXECUTIONS_OF_CONTAINER),
]
Gpus = Annotated[int, AfterValidator(Positive(bounds.MAX_GPUS)), _from_to(1, bounds.MAX_GPUS)]
RetryInitialInterval = Annotated[
    float,
    AfterValidator(AtLeast(bounds.MIN_RETRY_INTERVAL_SECONDS, bounds.MAX_RETRY_INITIAL_INTERVAL_SECONDS)),
    _from_to(bounds.MIN_RETRY_INTERVAL_SECONDS, bounds.MAX_RETRY_INITIAL_INTERVAL_SECONDS),
]
RetryBackoffCoefficient = Annotated[
    float,
    AfterValidator(AtLeast(bounds.MIN_RETRY_BACKOFF_COEFFICIENT, bounds.MAX_RETRY_BACKOFF_COEFFICIENT)),
    _from_to(bounds.MIN_RETRY_BACKOFF_COEFFICIENT, bounds.MAX_RETRY_BACKOFF_COEFFICIENT),
]
RetryJitter = Annotated[
    float, AfterValidator(AtLeast(0, bounds.MAX_RETRY_JITTER)), _from_to(0, bounds.MAX_RETRY_JITTER)
]
FinalError = Annotated[
    Text,
    AfterValidator(_not_empty),
    AfterValidator(LessThan(bounds.MAX_FINAL_ERROR_LENGTH + 1)),
    _length_up_to(bounds.MAX_FINAL_ERROR_LENGTH, shortest=1),
]
RetryMaxInterval = Annotated[
    float,
    AfterValidator(AtLeast(bounds.MIN_RETRY_INTERVAL_SECONDS, bounds.MAX_RETRY_INTERVAL_SECONDS)),
    _from_to(bounds.MIN_RETRY_INTERVAL_SECONDS, bounds.MAX_RETRY_INTERVAL_SECONDS),
]
