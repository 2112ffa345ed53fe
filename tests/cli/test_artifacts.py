"""`control-plane artifacts --download`: one file that cannot be had keeps no other from it."""

from pathlib import Path

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.cli.verbs.artifacts import _download
from control_plane.protocol.artifacts import Artifact

from tests.cli.scripted_server import Received, json_answer, scripted_server


def _artifact(name: str, blob_id: str) -> Artifact:
    fields = {"execution_id": "exe-1", "size": 2, "sha256": "", "creation_time": 1}
    return Artifact({"name": name, "blob_id": blob_id, **fields})


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_others_are_downloaded(tmp_path: Path) -> None:
    def answer(received: Received, _: int) -> bytes:
        if received.path.endswith("blb-2"):
            return json_answer("{}")
        return json_answer('{"detail": "A blob with this ID does not exist here"}', status="404 Not Found")

    (tmp_path / "taken").mkdir()
    kept = [_artifact("gone", "blb-1"), _artifact("taken", "blb-2"), _artifact("there", "blb-2")]
    async with scripted_server(answer) as server, server.connect() as connection:
        with pytest.raises(CannotBeDone, match="2 of 3 files are not downloaded: gone, taken"):
            await _download(connection, kept, tmp_path)
    assert (tmp_path / "there").read_text() == "{}"
    assert _names(tmp_path) == ["taken", "there"]
