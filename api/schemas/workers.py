"""An execution's container on the wire, where the published protocol calls it a worker."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel

from control_plane_server.domain import entities


class WorkerStatus(StrEnum):
    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    TERMINATED = "TERMINATED"


class WorkerType(StrEnum):
    """What clients see as `type`; the published client knows these two only, so every provisioner but ecs is TEST."""

    AWS_ECS = "AWS_ECS"
    TEST = "TEST"


class WorkerDetails(BaseModel):
    type: WorkerType
    identifier: str
    logs_identifier: str

    @classmethod
    def of(cls, details: entities.ContainerDetails | None) -> Self | None:
        if details is None:
            return None
        return cls(
            type=WorkerType(details.type), identifier=details.identifier, logs_identifier=details.logs_identifier
        )
