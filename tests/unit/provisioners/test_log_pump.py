"""What a container prints, on its way into the log."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from control_plane_server.domain.containers import LogStream
from control_plane_server.provisioners.process.log_files import read_page
from control_plane_server.provisioners.process.log_pump import LogPump

_MIB = 1_024 * 1_024


def test_what_writes_on_forever_does_not_hold_up_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pump = LogPump(log)
    left_open = os.dup(pump.writer(LogStream.STDOUT))
    pump.close_writers()

    def write_on() -> None:
        try:
            while True:
                os.write(left_open, b"y\n" * 10_000)
        except BrokenPipeError:
            os.close(left_open)

    writer = threading.Thread(target=write_on, daemon=True)
    writer.start()
    pump.close()
    writer.join(timeout=10)
    assert not writer.is_alive()
    assert log.stat().st_size <= 2 * _MIB


def test_the_rest_is_all_that_was_in_the_pipes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pump = LogPump(log)
    left_open = os.dup(pump.writer(LogStream.STDERR))
    os.write(pump.writer(LogStream.STDOUT), b"one\n" * 10_000)
    os.write(left_open, b"two\n" * 10_000)
    pump.close_writers()
    pump.close()
    assert log.read_text().count("one") == log.read_text().count("two") == 10_000
    os.close(left_open)


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Like a disk that is full: what there is room for is written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_was_full_for_a_while_shifts_no_times(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pump = LogPump(log)

    def write(content: bytes, stream: LogStream) -> None:
        os.write(pump.writer(stream), content)
        pump.take()

    write(b"one\n", LogStream.STDOUT)
    with no_file_larger_than(24):  # a record and a half
        write(b"two\n", LogStream.STDERR)
    write(b"three\n", LogStream.STDERR)
    write(b"four\n", LogStream.STDOUT)
    pump.close_writers()
    pump.close()
    seen = [(entry.line, entry.stream) for entry in read_page(log, None, max_lines=10, is_complete=True).entries]
    assert seen[0] == ("one", LogStream.STDOUT)
    assert seen[2:] == [("three", LogStream.STDERR), ("four", LogStream.STDOUT)]
