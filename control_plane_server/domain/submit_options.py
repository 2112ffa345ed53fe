"""What a submit may ask for beside its input, for one invocation or for all of a batch. Bounds are checked at the
API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from control_plane_server.domain.webhooks import InvocationWebhook

DEFAULT_PRIORITY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
    """`queue_timeout_seconds`: None: that of the function. `delay_seconds`: from the submit until it may start, and
    its time-outs count. `priority`: 0 to 9, the highest first. `concurrency_limit`: how many with this key may run at
    once; None without a key. `webhook`: is told the end, beside the webhooks of the project."""

    queue_timeout_seconds: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: int = 0
    priority: int = DEFAULT_PRIORITY
    concurrency_key: str | None = None
    concurrency_limit: int | None = None
    webhook: InvocationWebhook | None = None

    @property
    def delay(self) -> timedelta:
        return timedelta(seconds=self.delay_seconds)


NO_OPTIONS = SubmitOptions()
