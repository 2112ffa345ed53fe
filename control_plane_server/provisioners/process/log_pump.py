"""Writes what a container prints into its log, with the time and the stream of each part."""

import fcntl
import os
import time
from collections.abc import Collection
from contextlib import ExitStack, suppress
from pathlib import Path

from control_plane_server.domain.containers import LogStream
from control_plane_server.provisioners.process.log_times import LogPart, times_file_of

_PIPE_BYTES = 1_024 * 1_024  # what the container may write before it has to wait for us
_LAST_ROUNDS = 2  # the first takes all that was in the pipes


class LogPump:
    """A pipe for each stream. What cannot be written to the log, on a full disk for example, is dropped: the container
    must not wait for it."""

    def __init__(self, log: Path) -> None:
        """Raises OSError."""
        with ExitStack() as opened:
            self._log = opened.enter_context(log.open("ab", buffering=0))
            self._times = opened.enter_context(times_file_of(log).open("ab", buffering=0))
            self._readers: dict[int, LogStream] = {}
            self._writers: dict[LogStream, int] = {}
            for stream in LogStream:
                reader, self._writers[stream] = os.pipe()
                os.set_blocking(reader, False)
                with suppress(OSError):  # more than an unprivileged user may have
                    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
                self._readers[reader] = stream
            opened.pop_all()
        self._position = self._log.tell()
        self._last: LogPart | None = None

    @property
    def readers(self) -> Collection[int]:
        """Descriptors to wait for: those that are still open."""
        return self._readers.keys()

    def writer(self, stream: LogStream) -> int:
        """The descriptor for the container."""
        return self._writers[stream]

    def close_writers(self) -> None:
        """The container has its own by now."""
        for writer in self._writers.values():
            os.close(writer)
        self._writers.clear()

    def take(self) -> bool:
        """Write what there is in the pipes, a megabyte of each at the most. False if there was nothing.

        stderr is read first and written last: what was written to stdout before it is there by then, and comes before.
        """
        taken = [(stream, self._read(reader)) for reader, stream in reversed(list(self._readers.items()))]
        for stream, content in reversed(taken):
            if content:
                self._write(content, stream)
        return any(content for _, content in taken)

    def close(self) -> None:
        """Write what is left in the pipes, and close them: what still holds their other ends may write forever."""
        for _ in range(_LAST_ROUNDS):
            self.take()
        for reader in self._readers:
            os.close(reader)
        self._readers.clear()
        for file in (self._log, self._times):
            with suppress(OSError):
                file.close()

    def _read(self, reader: int) -> bytes:
        """Empty if there is nothing. A pipe that nobody can write to any more is closed."""
        try:
            content = os.read(reader, _PIPE_BYTES)
        except BlockingIOError:
            return b""
        if not content:
            del self._readers[reader]
            os.close(reader)
        return content

    def _write(self, content: bytes, stream: LogStream) -> None:
        part = LogPart(position=self._position, time_ms=time.time_ns() // 1_000_000, stream=stream)
        with suppress(OSError):
            if self._last is None or (part.time_ms, stream) != (self._last.time_ms, self._last.stream):
                self._last = part if self._note(part) else None
            while content:
                written = self._log.write(content)
                self._position += written
                content = content[written:]

    def _note(self, part: LogPart) -> bool:
        """Whether all of it was written: a disk takes what it has room for, and a piece would shift all that follows.
        Raises OSError."""
        record = part.to_bytes()
        if self._times.write(record) == len(record):
            return True
        size = os.fstat(self._times.fileno()).st_size
        os.ftruncate(self._times.fileno(), size - size % len(record))
        return False
