"""Where the processes serve their metrics."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import Field, IPvAnyAddress
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65_535)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsAddress:
    """Ports of one process: `port` for its own metrics, `temporal_port` for those of Temporal's SDK. None: not served.

    `host`: an IP address.
    """

    host: str
    port: int | None
    temporal_port: int | None


class MetricsSettings(BaseSettings):
    """CONTROL_PLANE_*. `api` and `loop` have names of their own, so that they can share one environment."""

    model_config = SettingsConfigDict(env_prefix="CONTROL_PLANE_", env_ignore_empty=True)

    metrics_host: IPvAnyAddress = IPv4Address("127.0.0.1")
    api_metrics_port: Port | None = None
    api_temporal_metrics_port: Port | None = None
    loop_metrics_port: Port | None = None
    loop_temporal_metrics_port: Port | None = None

    @property
    def of_api(self) -> MetricsAddress:
        return self._address(self.api_metrics_port, self.api_temporal_metrics_port)

    @property
    def of_loop(self) -> MetricsAddress:
        return self._address(self.loop_metrics_port, self.loop_temporal_metrics_port)

    def _address(self, port: int | None, temporal_port: int | None) -> MetricsAddress:
        return MetricsAddress(host=str(self.metrics_host), port=port, temporal_port=temporal_port)
