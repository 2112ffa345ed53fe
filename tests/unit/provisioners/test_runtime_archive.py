"""What a container of a command is given: the program, and whom this machine trusts."""

import io
import ssl
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest

from control_plane_server.provisioners.docker.runtime_archive import runtime_archive


class Paths(NamedTuple):
    cafile: str | None


def test_it_holds_the_package_and_the_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = tmp_path / "cert.pem"
    trusted.write_text("certificates")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: Paths(str(trusted)))
    content = runtime_archive.__wrapped__()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert "opt/control-plane/control_plane/__main__.py" in archive.getnames()
        certificates = archive.extractfile("opt/control-plane/ca-certificates.pem")
        assert certificates is not None
        assert certificates.read() == b"certificates"
        assert {member.mode for member in archive.getmembers()} == {0o644}
