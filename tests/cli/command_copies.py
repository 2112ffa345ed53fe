"""`python command_copies.py SOCKET`: has imported the command line, and copies itself for each command.

What a command costs otherwise is mostly its imports, and tests run hundreds. Each connection to the socket is a
command: a line of JSON with its `words`, `environment`, `folder` and `stdin`; the answer is one with its `exit_code`,
`stdout` and `stderr`. Says that it is ready, and ends with its own stdin.
"""

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import tempfile
from typing import IO, Any

import control_plane.cli
import control_plane.client
from control_plane.cli.main import main

import control_plane_server.cli.doctor

_PACKAGES = (control_plane.cli, control_plane.client, control_plane_server.cli.doctor)


def serve(path: str) -> None:
    """Returns in copies alone: there the command is to be run."""
    for package in _PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        gc.collect()
        gc.freeze()  # what is collected is touched, and what is touched is copied
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for commands
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _answer(connection)
            connection.close()
    sys.exit()


def _answer(connection: socket.socket) -> None:
    """Returns in a copy of this copy."""
    with connection, connection.makefile("rw") as stream:
        command = json.loads(stream.readline())
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            stdin.write(command["stdin"].encode())
            stdin.seek(0)
            pid = os.fork()
            if pid == 0:
                return _become(command, stdin, stdout, stderr)
            _, status = os.waitpid(pid, 0)
            answer = {"exit_code": os.waitstatus_to_exitcode(status), "stdout": _text(stdout), "stderr": _text(stderr)}
        json.dump(answer, stream)
    os._exit(0)


def _become(command: dict[str, Any], *streams: IO[bytes]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
    os.environ.clear()
    os.environ.update(command["environment"])
    os.chdir(command["folder"])
    sys.argv[1:] = command["words"]


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


def _run() -> None:
    """The command line, and its end without taking down all that was imported."""
    status: object = 1
    try:
        main()
    except SystemExit as end:
        status = end.code
        if isinstance(status, str):
            sys.stderr.write(status + "\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    serve(sys.argv[1])
    sys.argv[0] = "control-plane"
    _run()
