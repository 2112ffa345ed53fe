"""What the servers of a stack inherit of this process, whoever has started it and with what."""

import os
import resource
from contextlib import suppress

_LIMITS = (
    resource.RLIMIT_NOFILE,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_CPU,
    resource.RLIMIT_AS,
    resource.RLIMIT_DATA,
)
_ENOUGH_FILES = 65_536  # programs go through all numbers up to their limit
_OWNER = 0o700


def prepare_this_process() -> None:
    """Let servers open and write as much as the system allows, and read again what they have written."""
    for limit in _LIMITS:
        _raise(limit)
    os.umask(os.umask(_OWNER) & ~_OWNER)


def hide_postgres_variables() -> None:
    """PG* name another server's port, mode or account, and clients take them into account, too."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _raise(limit: int) -> None:
    soft, hard = resource.getrlimit(limit)
    wanted = hard
    if limit == resource.RLIMIT_NOFILE and (hard == resource.RLIM_INFINITY or hard > _ENOUGH_FILES):
        wanted = max(soft, _ENOUGH_FILES)
    with suppress(ValueError, OSError):  # macOS allows fewer than it says
        resource.setrlimit(limit, (wanted, hard))
