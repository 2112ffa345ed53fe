"""A folder for an execution's temporary files, which are gone with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys

_USUAL = ("/tmp", "/var/tmp", "/usr/tmp")


class TemporaryFolders:
    """Where Python puts such files when the container starts."""

    def __init__(self) -> None:
        named = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
        candidates = [*filter(None, named), *_USUAL, os.getcwd()]
        place = next((place for place in candidates if os.access(place, os.W_OK | os.X_OK)), _USUAL[0])
        self._place = os.path.abspath(place)
        self._newest = self._place

    def make(self) -> str | None:
        """Its path; None where none can be made, on a disk that is full or may not be written to."""
        path = os.path.join(self._place, "exe-" + os.urandom(6).hex())
        try:
            os.mkdir(path, 0o700)
        except OSError:
            return None
        return path

    def use(self, path: str | None) -> None:
        """In the process of the execution, which has been told. A folder that the module has chosen itself stays."""
        tempfile = sys.modules.get("tempfile")
        found = getattr(tempfile, "tempdir", None)
        if isinstance(found, str) and os.path.abspath(found) in (self._place, self._newest):
            tempfile.tempdir = None  # type: ignore[union-attr]  # it is found anew
        self._newest = path or self._place

    def remove(self, path: str | None) -> None:
        """With what is in it, as far as that can be. Never raises."""
        if path is None:
            return
        for is_last in (False, True):
            with contextlib.suppress(Exception):  # a tree may be too deep
                shutil.rmtree(path, ignore_errors=is_last)
                return
            with contextlib.suppress(Exception):
                _open_up(path)


def _open_up(path: str) -> None:
    """For who may not write into folders of its own."""
    os.chmod(path, 0o700)
    for folder, names, _ in os.walk(path):
        for name in names:
            found = os.path.join(folder, name)
            if not os.path.islink(found):
                os.chmod(found, 0o700)
