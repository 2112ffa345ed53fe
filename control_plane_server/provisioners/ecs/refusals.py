"""Refusals that may be a moment's or last: which it is shows with time.

A permission takes up to a minute to reach every server of AWS; until then a role that was just changed is denied what
it may do. Credentials come again by themselves where a role gives them, and never where they are missing or wrong.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from control_plane_server.domain.errors import Misconfigured, Unavailable
from control_plane_server.provisioners.ecs.calls import code_and_message
from control_plane_server.provisioners.ecs.failures import is_about_credentials, is_about_permissions

_PERMISSIONS_SPREAD = timedelta(seconds=60)
_CREDENTIALS_COME = timedelta(minutes=5)
# What was refused longer ago than this was another time. Longer than the pauses between the tries of an activity.
_ANOTHER_TIME = timedelta(minutes=5)
_MOST_NOTED = 10_000

_Key = tuple[str, ...]
_CREDENTIALS: _Key = ("credentials",)
_LACKS_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)


class Refusals:
    """Since when what is refused now has been refused, in one process. `clock`: in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[_Key, tuple[float, float]] = {}  # the first and the last

    @contextmanager
    def judged(self, action: str, *, about: str) -> Iterator[None]:
        """Makes a missing permission Unavailable within its first minute, and missing credentials Misconfigured after
        five. `about`: what the action is allowed for or not, beside itself."""
        permission = (action, about)
        try:
            yield
        except Misconfigured as error:
            if _is(error, is_about_permissions) and self._lasted(permission) < _PERMISSIONS_SPREAD:
                raise Unavailable(f"{error} (asked again, as new permissions take a minute to spread)") from error
            raise
        except Unavailable as error:
            lacks = isinstance(error.__cause__, _LACKS_CREDENTIALS) or _is(error, is_about_credentials)
            if lacks and self._lasted(_CREDENTIALS) >= _CREDENTIALS_COME:
                raise Misconfigured(f"The control plane has no valid credentials for AWS: {error}") from error
            raise
        else:
            self._times.pop(permission, None)
            self._times.pop(_CREDENTIALS, None)

    def _lasted(self, key: _Key) -> timedelta:
        """How long it has been refused, this time included."""
        now, long_ago = self._clock(), self._clock() - _ANOTHER_TIME.total_seconds()
        first, last = self._times.get(key, (now, now))
        if last < long_ago:
            first = now
        if len(self._times) >= _MOST_NOTED:
            self._times = {noted: times for noted, times in self._times.items() if times[1] >= long_ago}
        self._times[key] = (first, now)
        return timedelta(seconds=now - first)


def _is(error: Exception, kind: Callable[[str, str], bool]) -> bool:
    return isinstance(error.__cause__, ClientError) and kind(*code_and_message(error.__cause__))
