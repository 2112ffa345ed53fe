"""Runs a function that is a command: its input on stdin and in a file, its output in a file or on stdout.

The file named by CONTROL_PLANE_INPUT holds the input. The file named by CONTROL_PLANE_OUTPUT, if the command writes it,
is the output, else the end of what it wrote to stdout. Exit code 0 is a success.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Callable, Sequence

from control_plane.container.executions import Execution
from control_plane.container.reports import MAX_OUTPUT_LENGTH, Output, OutputIsUnusable, PlainFailure, storable
from control_plane.container.termination import Termination

if TYPE_CHECKING:
    from control_plane.container.blobs import ExecutionBlobs

_MAX_BYTES = 4 * MAX_OUTPUT_LENGTH  # UTF-8 takes at most four bytes for a character
_CHUNK_BYTES = 65_536
_STRAGGLERS_SECONDS = 1.0  # for what a background process of the command, which holds its stdout, may still write
_STDOUT = 1


class CommandFailed(PlainFailure):
    """The command could not be started or ended with another exit code than 0."""


def run(
    command: Sequence[str], execution: Execution, *, termination: Termination, blobs: Callable[[], ExecutionBlobs]
) -> Output:
    """The command's output. `blobs`: for an input or an output file that is too large for a request, which are never
    held in memory. Raises CommandFailed, OutputIsUnusable, TransferFailed, and Stopped if it never started."""
    try:
        folder = tempfile.mkdtemp()
    except OSError as error:
        raise CommandFailed("There is no place for the command's input: %s" % error) from error
    try:
        input_path, output_path = os.path.join(folder, "input"), os.path.join(folder, "output")
        try:
            if execution.input_blob is None:
                _write(input_path, execution.input)
            else:
                blobs().input_file(execution.input_blob, input_path)
        except OSError as error:  # of a full disk for example
            raise CommandFailed("The command's input cannot be written: %s" % error) from error
        variables = {**os.environ, "CONTROL_PLANE_INPUT": input_path, "CONTROL_PLANE_OUTPUT": output_path}
        stdout = _run(command, input_path, variables, termination)
        written = _written(output_path, blobs)
        return Output(storable(stdout[-MAX_OUTPUT_LENGTH:])) if written is None else written
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # what the command still writes there is not worth its outcome


def _write(path: str, text: str) -> None:
    """Raises OSError."""
    with open(path, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        file.write(text)


def _written(path: str, blobs: Callable[[], ExecutionBlobs]) -> Output | None:
    """What the command wrote into its output file, as it is; None if it wrote none. Raises OutputIsUnusable,
    TransferFailed."""
    try:
        # Not to wait for the other end of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputIsUnusable("The output file cannot be read: %s" % error) from error
    with open(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise OutputIsUnusable("The output file is no file that could be read")
        content = file.read() if state.st_size <= _MAX_BYTES else None
    size = "{:,} bytes".format(state.st_size)
    if content is not None:
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise OutputIsUnusable("The output file is no UTF-8 text: %s" % error) from error
        size = "{:,} characters".format(len(text))
        if len(text) <= MAX_OUTPUT_LENGTH:
            if "\0" in text:
                raise OutputIsUnusable("The output file has a NUL character, which no output can have")
            return Output(text)
    try:
        return Output(None, blobs().put_output_file(path, size=size))
    except OSError as error:
        raise OutputIsUnusable("The output file cannot be read: %s" % error) from error


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
        raise CommandFailed("killed by %s" % _name_of(-exit_code))
    if exit_code > 0:
        raise CommandFailed("exit code %d" % exit_code)
    return stdout


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have none
        return "signal %d" % number


class _Tail:
    """Passes a command's stdout on to ours, so that it is in the log, and keeps its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._is_logged = True
        self._reader = threading.Thread(target=self._read, name="stdout", daemon=True)
        self._reader.start()

    def text(self) -> str:
        """To be called when the command has ended."""
        self._reader.join(_STRAGGLERS_SECONDS)
        return bytes(self._kept).decode(errors="replace")

    def _read(self) -> None:
        for chunk in iter(lambda: os.read(self._stream.fileno(), _CHUNK_BYTES), b""):
            self._log(chunk)
            self._kept += chunk
            del self._kept[:-_MAX_BYTES]

    def _log(self, chunk: bytes) -> None:
        """A log that takes no more, on a full disk for example, must not keep the command waiting, nor its outcome."""
        try:
            while chunk and self._is_logged:
                chunk = chunk[os.write(_STDOUT, chunk) :]
        except OSError:
            self._is_logged = False
