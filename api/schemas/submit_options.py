"""What a submit may ask for beside its input, on the wire."""

from typing import Annotated, Self, TypedDict

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, model_validator

from api.schemas.bounded import (
    ConcurrencyKey,
    DelaySeconds,
    MaxConcurrency,
    Priority,
    TagValue,
    TimeoutSeconds,
    storable,
)
from api.schemas.webhooks import WebhookDefinition
from control_plane_server.domain import bounds, submit_options
from control_plane_server.domain.submit_options import DEFAULT_PRIORITY


def _usable_tags(tags: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    for key in map(storable, tags):
        if not 1 <= len(key) <= bounds.MAX_TAG_KEY_LENGTH or ":" in key:
            raise ValueError(
                f"keys of {info.field_name} must have 1 to {bounds.MAX_TAG_KEY_LENGTH} characters, and no colon, which "
                "ends the key where tags are searched"
            )
    return tags


Tags = Annotated[dict[str, TagValue], AfterValidator(_usable_tags), Field(max_length=bounds.MAX_TAGS)]


class SubmitOptions(BaseModel):
    """Explained where it is documented: in `InvocationDefinition`."""

    queue_timeout_seconds: TimeoutSeconds | None = None
    tags: Tags = {}
    delay_seconds: DelaySeconds = 0
    priority: Priority = DEFAULT_PRIORITY
    concurrency_key: ConcurrencyKey | None = None
    concurrency_limit: MaxConcurrency | None = None
    webhook: WebhookDefinition | None = None

    @model_validator(mode="after")
    def _limit_has_a_key(self) -> Self:
        if self.concurrency_limit is not None and self.concurrency_key is None:
            raise ValueError("concurrency_limit needs a concurrency_key")
        return self

    def options(self) -> submit_options.SubmitOptions:
        limit = None if self.concurrency_key is None else self.concurrency_limit or 1
        return submit_options.SubmitOptions(
            queue_timeout_seconds=self.queue_timeout_seconds,
            tags=self.tags,
            delay_seconds=self.delay_seconds,
            priority=self.priority,
            concurrency_key=self.concurrency_key,
            concurrency_limit=limit,
            webhook=None if self.webhook is None else self.webhook.to_domain(),
        )


class OptionsOnTheWire(TypedDict):
    queue_timeout_seconds: int | None
    tags: dict[str, str]
    delay_seconds: int
    priority: int
    concurrency_key: str | None
    concurrency_limit: int | None
    webhook: WebhookDefinition | None


def options_on_the_wire(options: submit_options.SubmitOptions) -> OptionsOnTheWire:
    return {
        "queue_timeout_seconds": options.queue_timeout_seconds,
        "tags": dict(sorted(options.tags.items())),
        "delay_seconds": options.delay_seconds,
        "priority": options.priority,
        "concurrency_key": options.concurrency_key,
        "concurrency_limit": options.concurrency_limit,
        "webhook": WebhookDefinition.of_invocation(options.webhook),
    }
