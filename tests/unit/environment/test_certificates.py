"""CONTROL_PLANE_CA_FILE, which is read when a process begins, and refused if containers could do nothing with it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from environment.settings import ControlPlaneSettings
from tests.sdk.certificates import write_certificate


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROL_PLANE_API_KEY", "key")


@pytest.mark.parametrize("value", [None, ""])
def test_by_default_there_is_none(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("CONTROL_PLANE_CA_FILE", raising=False)
    if value is not None:
        monkeypatch.setenv("CONTROL_PLANE_CA_FILE", value)
    assert ControlPlaneSettings().ca_certificates is None


def test_its_text_is_what_containers_get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write_certificate(tmp_path).authority
    monkeypatch.setenv("CONTROL_PLANE_CA_FILE", str(path))
    assert ControlPlaneSettings().ca_certificates == path.read_text()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        ("hello", "must name a file with certificates"),
        ("key", "without private keys"),
        ("certificates", "at most 16,384 bytes"),
    ],
)
def test_what_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, problem: str
) -> None:
    path = tmp_path / "authorities.pem"
    files = write_certificate(tmp_path)
    written = {"key": files.chain.read_text(), "certificates": files.authority.read_text() * 40}
    if content is not None:
        path.write_text(written.get(content, content))
    monkeypatch.setenv("CONTROL_PLANE_CA_FILE", str(path))
    with pytest.raises(ValidationError, match=problem):
        ControlPlaneSettings()
