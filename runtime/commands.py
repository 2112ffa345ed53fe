"""Runs a function that is a command: its input on stdin and in a file, its output in a file or on stdout.

The file named by CONTROL_PLANE_INPUT holds the input. The file named by CONTROL_PLANE_OUTPUT, if the command writes it,
is the output, else the end of what it wrote to stdout. Exit code 0 is a success.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from typing import IO, Sequence

from runtime.reports import MAX_OUTPUT_LENGTH, PlainFailure, bounded, storable
from runtime.termination import Termination

_TAIL_BYTES = 4 * MAX_OUTPUT_LENGTH  # UTF-8 takes at most four bytes for a character
_CHUNK_BYTES = 65_536
_STRAGGLERS_SECONDS = 1.0  # for what a background process of the command, which holds its stdout, may still write


class CommandFailed(PlainFailure):
    """The command could not be started or ended with another exit code than 0."""


def run(command: Sequence[str], text: str, *, termination: Termination) -> str:
    """The command's output. Raises CommandFailed, OutputIsUnusable, and InvocationInterrupted if it never started."""
    with tempfile.TemporaryDirectory() as folder:
        input_path, output_path = os.path.join(folder, "input"), os.path.join(folder, "output")
        with open(input_path, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
        variables = {**os.environ, "CONTROL_PLANE_INPUT": input_path, "CONTROL_PLANE_OUTPUT": output_path}
        stdout = _run(command, input_path, variables, termination)
        if not os.path.exists(output_path):
            return storable(stdout[-MAX_OUTPUT_LENGTH:])
        with open(output_path, encoding="utf-8", errors="replace") as file:
            return bounded(storable(file.read()))


def _run(command: Sequence[str], input_path: str, variables: dict[str, str], termination: Termination) -> str:
    with termination.delivery():
        pass  # a stop that came before the start needs no start
    with open(input_path, "rb") as stdin:
        try:
            process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, env=variables)
        except (OSError, ValueError) as error:
            raise CommandFailed("The command cannot be started: %s" % error) from error
    assert process.stdout is not None
    tail = _Tail(process.stdout)
    with termination.delivery(process.terminate):
        exit_code = process.wait()
    stdout = tail.text()
    if exit_code < 0:
        raise CommandFailed("killed by %s" % signal.Signals(-exit_code).name)
    if exit_code > 0:
        raise CommandFailed("exit code %d" % exit_code)
    return stdout


class _Tail:
    """Passes a command's stdout on to ours, so that it is in the log, and keeps its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._reader = threading.Thread(target=self._read, name="stdout", daemon=True)
        self._reader.start()

    def text(self) -> str:
        """To be called when the command has ended."""
        self._reader.join(_STRAGGLERS_SECONDS)
        return bytes(self._kept).decode(errors="replace")

    def _read(self) -> None:
        for chunk in iter(lambda: os.read(self._stream.fileno(), _CHUNK_BYTES), b""):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            self._kept += chunk
            del self._kept[:-_TAIL_BYTES]
