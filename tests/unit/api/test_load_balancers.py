"""What a load balancer with an idle timeout of 60 s, as AWS's are, asks of the API and of its clients.

Source: Elastic Load Balancing, "Connection idle timeout": the targets keep connections for longer.
"""

import pytest
from control_plane.protocol.api import WAIT_SECONDS
from fastapi import FastAPI

from api.events.streams import KEEPALIVE_INTERVAL
from api.results.streams import HEARTBEAT_INTERVAL
from control_plane_server.processes.api import server_config
from environment.settings import ControlPlaneSettings

IDLE_TIMEOUT_SECONDS = 60


def test_the_api_keeps_a_connection_for_longer_than_the_load_balancer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROL_PLANE_API_KEY", "key")
    monkeypatch.delenv("CONTROL_PLANE_KEEP_ALIVE_SECONDS", raising=False)
    seconds = ControlPlaneSettings().keep_alive_seconds
    assert seconds > IDLE_TIMEOUT_SECONDS
    config = server_config(FastAPI(), host="127.0.0.1", port=0, keep_alive_seconds=seconds)
    assert config.timeout_keep_alive == seconds


def test_nothing_is_silent_for_so_long_that_the_load_balancer_gives_it_up() -> None:
    assert WAIT_SECONDS <= IDLE_TIMEOUT_SECONDS - 10
    assert KEEPALIVE_INTERVAL.total_seconds() <= IDLE_TIMEOUT_SECONDS / 2
    assert HEARTBEAT_INTERVAL.total_seconds() <= IDLE_TIMEOUT_SECONDS / 2
