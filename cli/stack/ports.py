"""TCP ports on the loopback interface: is one free, and which one is."""

import socket
from contextlib import ExitStack

from cli.stack.errors import StackError

LOOPBACK = "127.0.0.1"


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
    """The preferred ports if all are free, else as many that the system gives."""
    try:
        return _listen_briefly(preferred)
    except OSError:
        return _listen_briefly((0,) * len(preferred))


def _listen_briefly(ports: tuple[int, ...]) -> list[int]:
    """The ports as they are after listening on all at once; 0 stands for any."""
    with ExitStack() as probes:
        return [_bind(probes.enter_context(socket.socket()), port) for port in ports]


def _bind(probe: socket.socket, port: int) -> int:
    # as servers do: connections of a server that has just ended do not hold the port
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((LOOPBACK, port))
    return int(probe.getsockname()[1])
