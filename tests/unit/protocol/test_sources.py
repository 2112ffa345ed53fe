"""Where downloads go."""

from pathlib import Path

from control_plane.protocol.sources import FileSink


def test_a_file_may_have_as_long_a_name_as_the_system_takes(tmp_path: Path) -> None:
    file = tmp_path / ("a" + "ä" * 127)  # 255 bytes
    sink = FileSink(file)
    sink.begin()
    sink.write(b"1")
    sink.close()
    sink.keep()
    sink.discard()
    assert [*tmp_path.iterdir()] == [file]
