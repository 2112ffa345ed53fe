"""How lists of invocations are narrowed."""

from typing import Any

import pytest
from control_plane.client.listing import invocations_query

_NOTHING: dict[str, Any] = dict.fromkeys(
    ("function", "status", "outcome", "version", "since", "until", "parent", "batch")
)


def test_a_version_is_named_by_its_id() -> None:
    assert invocations_query(**{**_NOTHING, "version": "ver-1"})["version_id"] == "ver-1"
    with pytest.raises(ValueError, match="must be a version's id"):
        invocations_query(**{**_NOTHING, "version": "latest"})
