"""What a single call may ask for."""

import control_plane as cp
import pytest


@pytest.mark.parametrize("key", ["", "é", "k" * 256])
def test_what_is_no_key_is_refused_where_it_is_given(key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key must be 1 to 255 ASCII characters"):
        cp.Options(idempotency_key=key)


def test_keys() -> None:
    assert cp.Options(idempotency_key="k" * 255).idempotency_key == "k" * 255
    assert cp.Options().idempotency_key is None
