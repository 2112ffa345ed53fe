"""The function's secrets, in the environment of the user's code and of what it starts."""

from __future__ import annotations

import os

from control_plane.container.executions import ExecutionClient
from control_plane.container.reports import FinalFailure, PlainFailure
from control_plane.errors import Refused, Unreachable


class SecretsAreRefused(FinalFailure):
    """The control plane does not give the function's secrets."""


class SecretsAreUnavailable(PlainFailure):
    """They cannot be read now: another attempt may help."""


def set_secrets(client: ExecutionClient) -> None:
    """As they are now. Raises SecretsAreRefused, SecretsAreUnavailable."""
    try:
        secrets = client.secrets()
    except Refused as refusal:
        raise SecretsAreRefused(refusal.detail) from None
    except Unreachable as error:
        raise SecretsAreUnavailable("The secrets could not be read: %s" % error) from None
    for name, value in secrets.items():
        os.environb[name.encode()] = value.encode()  # whatever the locale makes of text
