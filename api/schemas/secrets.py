"""Secrets on the wire: a value comes in, and none goes out but to a container."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field

from api.schemas.bounded import Text
from api.schemas.times import epoch_seconds
from control_plane_server.catalog.encrypted_values import Rotation
from control_plane_server.catalog.secrets import SecretPage
from control_plane_server.domain import bounds
from control_plane_server.domain.secrets import Secret


def _bounded(value: str) -> str:
    if len(value.encode()) > bounds.MAX_SECRET_BYTES:
        raise ValueError(f"value must not exceed {bounds.MAX_SECRET_BYTES} bytes of UTF-8")
    return value


class SecretDefinition(BaseModel):
    """At most 64 KiB of UTF-8, without NUL characters."""

    value: Annotated[Text, Field(repr=False, json_schema_extra={"writeOnly": True}), AfterValidator(_bounded)]


class SecretInfo(BaseModel):
    """`last_update_time`: when its value was set last."""

    secret_name: str
    creation_time: int
    last_update_time: int

    @classmethod
    def of(cls, secret: Secret) -> Self:
        return cls(
            secret_name=secret.secret_name,
            creation_time=epoch_seconds(secret.creation_time),
            last_update_time=epoch_seconds(secret.last_update_time),
        )


class SecretsListForProject(BaseModel):
    project_name: str
    secrets: list[SecretInfo]
    next_offset: str | None

    @classmethod
    def of(cls, project_name: str, page: SecretPage) -> Self:
        return cls(
            project_name=project_name,
            secrets=[SecretInfo.of(secret) for secret in page.secrets],
            next_offset=page.next_offset,
        )


class RotationInfo(BaseModel):
    """Of the values of all secrets: how many were encrypted anew just now, how many others still have another key than
    the first, and how many none of the keys decrypts."""

    rotated: int
    remaining: int
    unreadable: int

    @classmethod
    def of(cls, rotation: Rotation) -> Self:
        return cls(rotated=rotation.rotated, remaining=rotation.remaining, unreadable=rotation.unreadable)


class ExecutionEnvironment(BaseModel):
    """Values of the secrets that the function names, by the names of their variables."""

    secrets: dict[str, str] = Field(repr=False)
