"""What a container prints, on its way into the log."""

import os
import threading
from pathlib import Path

from control_plane_server.domain.containers import LogStream
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
