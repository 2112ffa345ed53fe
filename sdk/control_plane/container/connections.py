"""One connection to the API. What the user's code makes of Python's sockets for its own requests is nothing to ours."""

from __future__ import annotations

import http.client
import ssl
from socket import IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, getaddrinfo, socket

_CONNECT_SECONDS = 20.0  # what has not answered by then is behind something that answers nobody

# Bound when we are loaded: proxies and recorders for tests put others in their place, and may forget to put them back.
_Socket, _getaddrinfo = socket, getaddrinfo


class Connection(http.client.HTTPConnection):
    """HTTPS where there is a `tls`. `timeout`, in seconds, is of each step."""

    def __init__(self, host: str, port: int | None, *, timeout: float, tls: ssl.SSLContext | None) -> None:
        self.default_port = 80 if tls is None else 443
        super().__init__(host, port, timeout=timeout)
        self._seconds = timeout
        self._tls = tls

    def connect(self) -> None:
        """Raises OSError."""
        plain = _connected(self.host, self.port, timeout=min(self._seconds, _CONNECT_SECONDS))
        plain.settimeout(self._seconds)
        self.sock = plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=self.host)


def _connected(host: str, port: int, *, timeout: float) -> socket:
    """To the first of the host's addresses that answers."""
    failure = OSError("%s has no address" % host)
    for family, kind, protocol, _, address in _getaddrinfo(host, port, type=SOCK_STREAM):
        connection = None
        try:
            connection = _Socket(family, kind, protocol)
            connection.settimeout(timeout)
            connection.connect(address)
            connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        except OSError as error:
            failure = error
            if connection is not None:
                connection.close()
        else:
            return connection
    raise failure
