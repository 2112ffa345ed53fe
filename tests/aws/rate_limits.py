"""AWS's documented request limits, per account and region, as token buckets."""

import itertools
import time
from dataclasses import dataclass, field

from tests.aws.errors import AwsError


@dataclass(slots=True)
class _Bucket:
    burst: int
    per_second: float
    tokens: float = field(init=False)
    filled_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def has_one(self) -> bool:
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        return self.tokens >= 1


class RateLimits:
    """A call that is refused takes no token."""

    def __init__(self) -> None:
        fargate_launches = _Bucket(burst=20, per_second=20)
        cluster_modify = _Bucket(burst=100, per_second=40)
        cluster_read = _Bucket(burst=100, per_second=20)
        task_definition_modify = _Bucket(burst=20, per_second=1)
        task_definition_read = _Bucket(burst=50, per_second=20)
        self._buckets: dict[str, tuple[_Bucket, ...]] = {
            "RunTask": (cluster_modify, fargate_launches),
            "StopTask": (cluster_modify,),
            "DescribeTasks": (cluster_read,),
            "ListTasks": (cluster_read,),
            "RegisterTaskDefinition": (task_definition_modify,),
            "DeregisterTaskDefinition": (task_definition_modify,),
            "DescribeTaskDefinition": (task_definition_read,),
            "ListTaskDefinitions": (task_definition_read,),
            "GetLogEvents": (_Bucket(burst=10, per_second=10),),  # 25 in the largest regions
        }

    def fill(self) -> None:
        """As after a quiet minute."""
        for bucket in itertools.chain.from_iterable(self._buckets.values()):
            bucket.tokens = bucket.burst

    def check(self, action: str) -> None:
        """Raises AwsError ThrottlingException."""
        buckets = self._buckets.get(action, ())
        if not all(bucket.has_one() for bucket in buckets):
            raise AwsError("ThrottlingException", "Rate exceeded")
        for bucket in buckets:
            bucket.tokens -= 1
