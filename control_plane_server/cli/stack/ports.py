"""TCP ports on the loopback interface: is one free, and which one is."""

import random
import socket
from contextlib import ExitStack

from control_plane_server.cli.stack.errors import StackError

LOOPBACK = "127.0.0.1"
# Linux gives connections ports from 32768 on, others from 49152 on.
_NEVER_GIVEN_TO_CONNECTIONS = range(15_000, 32_000)


def ensure_free(ports: dict[str, int]) -> None:
    """Check the ports by the option that chooses each. Raises StackError for the first that cannot be listened on."""
    options: dict[int, str] = {}
    for option, port in ports.items():
        if port in options:
            raise StackError(f"{options[port]} and {option} are both {port}; give each a port of its own")
        options[port] = option
        try:
            _listen_briefly((port,))
        except OSError as error:
            reason = "is in use" if is_busy(port) else f"cannot be listened on ({error.strerror})"
            raise StackError(
                f"port {port} {reason}; stop what listens there or choose another with {option}"
            ) from error


def is_busy(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def choose_free(preferred: tuple[int, ...]) -> list[int]:
    """The preferred ports if all are free, else as many others."""
    try:
        _listen_briefly(preferred)
    except OSError:
        return free_ports(len(preferred))
    return list(preferred)


def free_ports(count: int) -> list[int]:
    """Ports that only a server takes: a connection that is made before the server listens gets one from elsewhere."""
    while True:
        ports = random.sample(_NEVER_GIVEN_TO_CONNECTIONS, count)
        try:
            _listen_briefly(tuple(ports))
        except OSError:
            continue
        return ports


def _listen_briefly(ports: tuple[int, ...]) -> None:
    """On all at once."""
    with ExitStack() as probes:
        for port in ports:
            probe = probes.enter_context(socket.socket())
            # as servers do: connections of a server that has just ended do not hold the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
