"""What a function needs of its machine, on the wire."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.bounded import EphemeralStorageGib, Gpus
from control_plane_server.domain import bounds, platforms
from control_plane_server.domain.platforms import PROVIDER_PREFIX, Capacity, CpuArchitecture

# Of capacity providers: Amazon ECS API reference, "CreateCapacityProvider".
_PROVIDER = r"[A-Za-z0-9_-]{1,255}"
_CAPACITY = re.compile(f"{'|'.join(Capacity)}|{PROVIDER_PREFIX}{_PROVIDER}")
_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\x21-\x7e]+")


def _known_capacity(text: str) -> str:
    if not _CAPACITY.fullmatch(text):
        raise ValueError(f"capacity must be {', '.join(Capacity)}, or {PROVIDER_PREFIX}NAME of a capacity provider")
    return text


def _role_arn(text: str) -> str:
    if len(text) > bounds.MAX_ROLE_ARN_LENGTH or not _ROLE.fullmatch(text):
        raise ValueError("task_role_arn must be the ARN of a role, arn:aws:iam::<account>:role/<name>")
    return text


class Platform(BaseModel):
    """What the function needs of the machine that it runs on. Null: what every function gets. A provisioner that has no
    such thing refuses the function: its `preparation_error` says so.

    `capacity`: "on_demand"; "spot", which may be taken back at any time; "spot_with_fallback", on demand after Spot has
    taken back two containers of an execution or had no room for 3 minutes; or "provider:NAME", a capacity provider of
    AWS ECS. `task_role_arn`: one of those that the operator allows.
    """

    model_config = ConfigDict(extra="forbid")  # what is not known is not to be left out in silence

    ephemeral_storage_gib: EphemeralStorageGib | None = None
    cpu_architecture: CpuArchitecture | None = None
    gpus: Gpus | None = None
    capacity: (
        Annotated[
            str, AfterValidator(_known_capacity), Field(json_schema_extra={"pattern": f"^({_CAPACITY.pattern})$"})
        ]
        | None
    ) = None
    task_role_arn: Annotated[str, AfterValidator(_role_arn)] | None = None

    @classmethod
    def of(cls, platform: platforms.Platform) -> Self | None:
        """None of one that needs nothing."""
        if platform == platforms.NO_PLATFORM:
            return None
        return cls(
            ephemeral_storage_gib=platform.ephemeral_storage_gib,
            cpu_architecture=platform.cpu_architecture,
            gpus=platform.gpus,
            capacity=platform.capacity,
            task_role_arn=platform.task_role_arn,
        )

    def to_domain(self) -> platforms.Platform:
        return platforms.Platform(
            ephemeral_storage_gib=self.ephemeral_storage_gib,
            cpu_architecture=self.cpu_architecture,
            gpus=self.gpus,
            capacity=self.capacity,
            task_role_arn=self.task_role_arn,
        )
