"""Opens connections to PostgreSQL on which each side notices when the other one falls silent.

Source of the settings: PostgreSQL documentation, "Connections and Authentication" and "Client Connection Defaults".
"""

import socket
from datetime import timedelta

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from sqlalchemy import URL

CONNECT_TIMEOUT = timedelta(seconds=5)

# Added to the statement limit: a server that answers cancels the statement itself first, and the connection stays
# usable.
_ANSWER_MARGIN = timedelta(seconds=1)
_CLOSE_TIMEOUT = timedelta(seconds=1)
# After this the server rolls back the transaction of a client that is gone, and releases its locks.
_IDLE_IN_TRANSACTION = timedelta(seconds=10)

# A host that is gone, or a network that drops everything, is noticed after eleven seconds, by both sides.
_IDLE_SECONDS = 5
_INTERVAL_SECONDS = 2
_PROBES = 3
_UNACKNOWLEDGED_MILLISECONDS = 10_000
_OPTIONS = {
    "TCP_KEEPIDLE": _IDLE_SECONDS,
    "TCP_KEEPINTVL": _INTERVAL_SECONDS,
    "TCP_KEEPCNT": _PROBES,
    "TCP_USER_TIMEOUT": _UNACKNOWLEDGED_MILLISECONDS,
}


class Connection(asyncpg.Connection):
    """A connection that is closed within a second, whether the server answers or not."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as asyncpg has it
        longest = _CLOSE_TIMEOUT.total_seconds()
        await super().close(timeout=longest if timeout is None else min(timeout, longest))


async def connect(
    url: URL,
    *,
    name: str,
    statement_limit: timedelta | None,
    lock_limit: timedelta = timedelta(),
    reads_by_index: bool = False,
) -> Connection:
    """A connection to a server that accepts writes. `name`: as `pg_stat_activity` shows it. `statement_limit`: for each
    statement; None: no limit, as long as the host is there. `lock_limit`: for each lock that a statement waits for; 0:
    no limit. `reads_by_index`: no table is read from its beginning where an index leads to what is wanted. A plan lasts
    as long as its connection: one that was made for a table of a page would read all that has come since.

    Its statements raise TimeoutError if the server does not answer; then the connection must not be used again. Raises
    OSError, asyncpg.PostgresError, asyncpg.InterfaceError.
    """
    # The folder of a Unix socket and its port stand in the query, see `environment.settings`.
    host = url.host or url.query.get("host")
    port = url.port or url.query.get("port")
    try:
        connection = await asyncpg.connect(
            host=host if isinstance(host, str) else None,
            port=int(port) if isinstance(port, (int, str)) else None,
            user=url.username,
            password=url.password,
            database=url.database,
            timeout=CONNECT_TIMEOUT.total_seconds(),
            command_timeout=None if statement_limit is None else (statement_limit + _ANSWER_MARGIN).total_seconds(),
            connection_class=Connection,
            target_session_attrs=SessionAttribute.read_write,
            # Those that the driver runs itself (`driver_statements.py`) are few, long, and kept as long as all others.
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            server_settings=_server_settings(name, statement_limit or timedelta(), lock_limit)
            | ({"enable_seqscan": "off"} if reads_by_index else {}),
        )
    except asyncpg.TargetServerAttributeNotMatched as error:  # before a standby is promoted, after a server is demoted
        raise ConnectionError("PostgreSQL only reads at this time") from error
    _keep_alive(connection)
    return connection


def _server_settings(name: str, statement_limit: timedelta, lock_limit: timedelta) -> dict[str, str]:
    return {
        "application_name": name,
        "jit": "off",
        "statement_timeout": str(_milliseconds(statement_limit)),
        "lock_timeout": str(_milliseconds(lock_limit)),
        "idle_in_transaction_session_timeout": str(_milliseconds(_IDLE_IN_TRANSACTION)),
        "tcp_keepalives_idle": str(_IDLE_SECONDS),
        "tcp_keepalives_interval": str(_INTERVAL_SECONDS),
        "tcp_keepalives_count": str(_PROBES),
        "tcp_user_timeout": str(_UNACKNOWLEDGED_MILLISECONDS),
    }


def _keep_alive(connection: Connection) -> None:
    """Set what this system has of these options; none for a Unix socket, whose other end is on this machine."""
    opened: socket.socket = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    if opened.family not in (socket.AF_INET, socket.AF_INET6):
        return
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        option = getattr(socket, name, None)
        if option is not None:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)


def _milliseconds(time: timedelta) -> int:
    return round(time.total_seconds() * 1_000)
