"""Failures that are alike."""

import pytest

from control_plane_server.domain.failures import pattern_of


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("ValueError: no row 17 of 3", "ValueError: no row <n> of <n>"),
        (
            "timed out after 10 s, 9.6 s of it in the queue: max_concurrency 2",
            "timed out after <n> s, <n> s of it in the queue: max_concurrency <n>",
        ),
        ("KeyError: 'd94f3f01-9a1c-4d07-8a3e-0d2c8c1c6c11'", "KeyError: '<id>'"),
        ("inv-0123456789abcdef0123456789abcdef is gone", "inv-<id> is gone"),
        ("<Row at 0x7f2a> is 5f3759df5f3759df", "<Row at <address>> is <id>"),
        ("2026-11-28 18:36:04,123 a cafe and a facade", "<n>-<n>-<n> <n> a cafe and a facade"),
        ("connection to 10.0.0.17:5432 was refused", "connection to <n> was refused"),
        ("", ""),
    ],
)
def test_what_varies_is_marked(message: str, pattern: str) -> None:
    assert pattern_of(message) == pattern
    assert pattern_of(pattern) == pattern
