"""How lists of invocations are narrowed."""

from typing import Any

import pytest
from control_plane.client.listing import invocations_query

_NOTHING: dict[str, Any] = dict.fromkeys(
    ("function", "status", "outcome", "version", "since", "until", "parent", "batch", "tags", "concurrency_key")
)


def test_a_version_is_named_by_its_id() -> None:
    assert invocations_query(**{**_NOTHING, "version": "ver-1"})["version_id"] == "ver-1"
    with pytest.raises(ValueError, match="must be a version's id"):
        invocations_query(**{**_NOTHING, "version": "latest"})


def test_tags_and_outcomes_are_as_a_body_has_them_too() -> None:
    query = invocations_query(**{**_NOTHING, "tags": {"team": "a:b", "run": "7"}, "outcome": "FAILED"})
    assert (query["tag"], query["outcome"]) == (["team:a:b", "run:7"], ["FAILED"])
