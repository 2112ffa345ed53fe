"""What is of others is as they have published it."""

import hashlib
import re
from importlib.resources import files

FOLDER = files("api.console").joinpath("static/vendor")


def test_files_of_others_are_unchanged_and_come_with_their_licences() -> None:
    note = FOLDER.joinpath("README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` .* `([\w.-]+LICENSE)` \| `([0-9a-f]{64})` \|$", note, re.MULTILINE)
    scripts = {file.name for file in FOLDER.iterdir() if file.name.endswith((".js", ".css"))}
    assert {name for name, _, _ in listed} == scripts
    for name, licence, digest in listed:
        assert hashlib.sha256(FOLDER.joinpath(name).read_bytes()).hexdigest() == digest, name
        assert FOLDER.joinpath(licence).is_file()
