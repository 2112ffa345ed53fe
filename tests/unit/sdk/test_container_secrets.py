"""What a container that gets no secrets says of it."""

import pytest
from control_plane.container.api import Api
from control_plane.container.environment import Environment
from control_plane.container.executions import ExecutionClient
from control_plane.container.reports import failed
from control_plane.container.secrets import SecretsAreUnavailable, set_secrets

ENVIRONMENT = Environment("p", "v", "f", "inv-1", "exe-1", "http://127.0.0.1:1", "key", None)


def test_an_api_that_is_away_does_not_end_the_invocation_for_good() -> None:
    client = ExecutionClient(Api(ENVIRONMENT.api_url, ENVIRONMENT.api_key, patience_seconds=0), ENVIRONMENT)
    with pytest.raises(SecretsAreUnavailable, match="could not be read") as raised:
        set_secrets(client)
    assert not failed(raised.value).is_final
