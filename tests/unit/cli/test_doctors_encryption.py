"""The doctor warns where whoever listens on the network can read keys and tokens."""

import pytest

from control_plane_server.cli.doctor.checks import Health
from control_plane_server.cli.doctor.encryption import check_encryption


@pytest.mark.parametrize("url", ["http://10.0.0.5:5000", "http://control-plane.internal", "http://[fd00::1]:5000"])
def test_http_that_leaves_the_machine_is_warned_of(url: str) -> None:
    (check,) = check_encryption("encryption", url)
    assert check.health is Health.WARNING
    assert url in check.finding
    assert check.advice is not None
    assert "HTTPS" in check.advice


@pytest.mark.parametrize(
    "url",
    [
        "https://control-plane.example.com",
        "http://127.0.0.1:5000",
        "http://127.8.0.1",
        "http://localhost:5000",
        "http://[::1]:5000",
    ],
)
def test_https_and_loopback_are_not(url: str) -> None:
    assert check_encryption("encryption", url) == []
