"""What a single call may ask for."""

from datetime import timedelta
from typing import Any

import control_plane as cp
import pytest


@pytest.mark.parametrize("key", ["", "é", "k" * 256])
def test_what_is_no_key_is_refused_where_it_is_given(key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key must be 1 to 255 ASCII characters"):
        cp.Options(idempotency_key=key)


def test_keys() -> None:
    assert cp.Options(idempotency_key="k" * 255).idempotency_key == "k" * 255
    assert cp.Options().idempotency_key is None


def test_what_is_given_is_what_a_submit_says() -> None:
    options = cp.Options(
        idempotency_key="k",
        queue_timeout=timedelta(minutes=1),
        tags={"customer": "7"},
        delay=timedelta(days=30),
        priority=0,
        concurrency_key="c",
        concurrency_limit=2,
    )
    assert options.fields() == {
        "queue_timeout_seconds": 60,
        "tags": {"customer": "7"},
        "delay_seconds": 2_592_000,
        "priority": 0,
        "concurrency_key": "c",
        "concurrency_limit": 2,
    }
    assert cp.Options(delay=0).fields() == {"delay_seconds": 0}
    assert cp.Options().fields() == {}


def test_those_of_a_call_go_before_those_of_its_function() -> None:
    own, others = cp.Options(priority=0, tags={}), cp.Options(priority=7, delay=3, tags={"a": "b"})
    assert own.over(others).fields() == {"priority": 0, "delay_seconds": 3, "tags": {}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"queue_timeout": 0}, "queue_timeout must be whole seconds, 1 at least"),
        ({"delay": 0.5}, "delay must be whole seconds, 0 at least"),
        ({"delay": -1}, "delay must be whole seconds"),
        ({"delay": timedelta(days=31)}, "delay must be 30 days at most"),
        ({"priority": 10}, "priority must be a whole number from 0 to 9"),
        ({"priority": 1.5}, "priority must be a whole number"),
        ({"concurrency_key": ""}, "concurrency_key must be 1 to 256 characters"),
        ({"concurrency_key": "k", "concurrency_limit": 0}, "concurrency_limit must be a whole number from 1"),
        ({"tags": {"a:b": ""}}, "keys of tags must be 1 to 64 characters without a colon"),
        ({"tags": {"a": 1}}, "values of tags must be texts of 256 characters at most; that of 'a' is not"),
        ({"tags": {str(n): "" for n in range(21)}}, "tags must not be more than 20"),
    ],
)
def test_what_no_call_can_ask_for_is_refused_where_it_is_given(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cp.Options(**given)


def test_a_webhook_is_a_url_or_says_which_ends_it_is_told() -> None:
    told = {"url": "https://a.example", "events": ["invocation.failed"]}
    assert cp.Options(webhook="https://a.example").fields() == {"webhook": {"url": "https://a.example"}}
    assert cp.Options(priority=1).over(cp.Options(webhook=told)).fields() == {"priority": 1, "webhook": told}
