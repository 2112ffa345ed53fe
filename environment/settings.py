"""The groups of settings that every process reads: names as in the REST contract and as users of Postgres know them.

Temporal's own names (TEMPORAL_ADDRESS and so on) are read by `temporalio.envconfig`, see `orchestration/connection.py`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

from control_plane_server.catalog.secret_keys import KeyIsMalformed, SecretKeys
from control_plane_server.domain.costs import Prices
from environment.certificates import CertificateFile
from environment.networks import Networks
from environment.prices import PriceList

Group = TypeVar("Group", bound=BaseSettings)


class ControlPlaneSettings(BaseSettings):
    """CONTROL_PLANE_*. The API key may be several root keys, comma separated: the first signs, all are accepted."""

    model_config = SettingsConfigDict(env_prefix="CONTROL_PLANE_")

    api_key: SecretStr
    api_url: str = "http://127.0.0.1:5000"  # as containers reach it
    ca_file: CertificateFile = None  # of `loop`: authorities that containers trust beside those of their images
    # Comma separated: the first encrypts secrets, all decrypt them. `loop` signs webhooks by them.
    secrets_keys: SecretStr = SecretStr("")
    data_dir: Path = Path(".control-plane")  # where the process provisioner keeps its containers
    # Of `api`: for how long it keeps a connection without a request. Longer than a load balancer does, which is 60 s at
    # AWS: else that sends a request into a connection which is just being closed.
    keep_alive_seconds: Annotated[int, Field(ge=1, le=86_400)] = 75
    stop_grace_seconds: Annotated[float, Field(gt=0, le=120)] = 120  # from SIGTERM to SIGKILL; Fargate allows no more
    max_concurrent_executions: Annotated[int, Field(ge=1)] = 3_000  # of one `loop` process
    # For how long ended invocations are kept; None: as long as their project.
    retention_days: Annotated[float, Field(gt=0, allow_inf_nan=False, le=36_500)] | None = None
    # Of the process provisioner: for how long, and up to how much, it keeps what ended containers and snapshots left.
    process_retention_days: Annotated[float, Field(gt=0, allow_inf_nan=False, le=36_500)] = 30
    process_retention_gb: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10
    console: bool = False  # of `api`: whether it serves pages for people under /ui
    temporal_ui_url: Annotated[str, Field(pattern="^https?://")] | None = None  # to which the console's pages lead
    # Networks to which webhooks are sent though they are not public, also by http.
    webhook_networks: Networks = ()
    prices: PriceList | None = None  # of `api`: what costs are reckoned by; None: without amounts
    build_id: Annotated[str, Field(min_length=1)] | None = None  # names this release to Temporal; None: unversioned
    deployment_name: Annotated[str, Field(min_length=1)] = "control-plane"
    versioning_behavior: Literal["auto-upgrade", "pinned"] = "auto-upgrade"  # of workflows, when a release takes over

    @field_validator("api_key")
    @classmethod
    def _holds_a_key(cls, value: SecretStr) -> SecretStr:
        if not _split(value):
            raise ValueError("must hold at least one key")
        return value

    @field_validator("secrets_keys")
    @classmethod
    def _holds_usable_keys(cls, value: SecretStr) -> SecretStr:
        try:
            SecretKeys(_split(value))
        except KeyIsMalformed:
            raise ValueError("must be comma separated keys of 32 bytes in base64: openssl rand -base64 32") from None
        return value

    @property
    def stop_grace(self) -> timedelta:
        return timedelta(seconds=self.stop_grace_seconds)

    @property
    def ca_certificates(self) -> str | None:
        """In PEM."""
        return None if self.ca_file is None else self.ca_file.read_text()

    @property
    def retention(self) -> timedelta | None:
        return None if self.retention_days is None else timedelta(days=self.retention_days)

    @property
    def secret_keys(self) -> SecretKeys:
        """Perhaps none."""
        return SecretKeys(_split(self.secrets_keys))

    @property
    def price_list(self) -> Prices | None:
        return None if self.prices is None else self.prices.to_domain()

    @property
    def root_keys(self) -> tuple[str, ...]:
        """At least one; the first signs executions' tokens."""
        return _split(self.api_key)


class PostgresSettings(BaseSettings):
    """POSTGRES_*: the names of the official image. A host that starts with `/` is the folder of a Unix socket."""

    model_config = SettingsConfigDict(env_prefix="POSTGRES_")

    host: str = "localhost"
    port: int = 5432
    db: str
    user: str
    password: SecretStr = SecretStr("")
    pool_size: Annotated[int, Field(ge=1)] = 10

    @property
    def url(self) -> URL:
        url = URL.create(
            "postgresql+asyncpg",
            username=self.user,
            password=self.password.get_secret_value() or None,
            database=self.db,
        )
        if self.host.startswith("/"):
            return url.update_query_dict({"host": self.host, "port": str(self.port)})
        return url.set(host=self.host, port=self.port)


def load_group(group: type[Group], problems: list[str]) -> Group | None:
    """A group of settings from the environment. None if there are problems: then one line for each is added to
    `problems`, without values, which may be secrets."""
    try:
        return group()
    except ValidationError as error:
        prefix = group.model_config.get("env_prefix", "")
        problems += [f"{prefix}{item['loc'][0]}".upper() + f": {item['msg']}" for item in error.errors()]
        return None


def _split(keys: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.get_secret_value().split(",") if key.strip())
