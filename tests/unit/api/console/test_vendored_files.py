"""What is of others is as they have published it."""

import hashlib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

import pytest

FOLDERS = (files("api.console").joinpath("static/vendor"), files("tests.console").joinpath("vendor"))


@pytest.mark.parametrize("folder", FOLDERS, ids=["pages", "tests"])
def test_files_of_others_are_unchanged_and_come_with_their_licences(folder: Traversable) -> None:
    note = folder.joinpath("README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` .* `([\w.-]+LICENSE)` \| `([0-9a-f]{64})` \|$", note, re.MULTILINE)
    scripts = {file.name for file in folder.iterdir() if file.name.endswith((".js", ".css"))}
    assert {name for name, _, _ in listed} == scripts
    for name, licence, digest in listed:
        assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == digest, name
        assert folder.joinpath(licence).is_file()
