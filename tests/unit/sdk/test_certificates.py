"""An image without certificates is lent the control plane's; what an image or its user has chosen stays."""

import os
import ssl
from pathlib import Path
from typing import NamedTuple

import pytest
from control_plane.container.certificates import lend_certificates


class Paths(NamedTuple):
    cafile: str | None
    capath: str | None


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The control plane's. The image has none, until a test says otherwise."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, "")  # so that it is as before after the test
        monkeypatch.delenv(name)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: Paths(None, None))
    path = tmp_path / "ca-certificates.pem"
    path.write_text("certificates")
    return str(path)


def test_an_image_without_any_is_lent_ours(bundle: str) -> None:
    lend_certificates(bundle)
    assert os.environ["SSL_CERT_FILE"] == bundle


def test_an_empty_folder_and_an_empty_file_are_none(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "cert.pem").touch()
    paths = Paths(str(tmp_path / "cert.pem"), str(tmp_path / "certs"))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    lend_certificates(bundle)
    assert os.environ["SSL_CERT_FILE"] == bundle


@pytest.mark.parametrize("has_file", [True, False])
def test_an_image_with_its_own_keeps_them(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_file: bool
) -> None:
    paths = Paths(bundle, None) if has_file else Paths(None, str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    lend_certificates(bundle)
    assert "SSL_CERT_FILE" not in os.environ


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_what_the_user_has_chosen_stays(bundle: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/mine")
    lend_certificates(bundle)
    assert {variable: os.environ.get(variable) for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR")} == {
        "SSL_CERT_FILE": None,
        "SSL_CERT_DIR": None,
        name: "/mine",
    }


def test_where_there_is_nothing_to_lend_nothing_changes(bundle: str) -> None:
    lend_certificates(bundle + ".away")
    assert "SSL_CERT_FILE" not in os.environ
