"""Options of `invoke` and `map` as they are written, and times of `pause`."""

import time

import pytest
from control_plane.access.errors import WrongUsage
from control_plane.cli.verbs.pauses import end_of
from control_plane.cli.verbs.submit_options import options_from

NONE = {
    "tags": None,
    "delay": None,
    "priority": None,
    "concurrency_key": None,
    "concurrency_limit": None,
    "webhook": None,
}


def test_what_is_written_is_what_is_asked_for() -> None:
    options = options_from(
        tags=["customer=7", "query=a=b"],
        delay="1.5h",
        priority=0,
        concurrency_key="k",
        concurrency_limit=2,
        webhook=None,
    )
    assert options.fields() == {
        "tags": {"customer": "7", "query": "a=b"},
        "delay_seconds": 5_400,
        "priority": 0,
        "concurrency_key": "k",
        "concurrency_limit": 2,
    }
    assert options_from(**NONE).fields() == {}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"tags": ["customer"]}, "--tag must be KEY=VALUE"),
        ({"delay": "soon"}, "--delay must be a duration such as 30s, 10m, 2h or 1d"),
        ({"delay": "31d"}, "delay must be 30 days at most"),
        ({"priority": 10}, "priority must be a whole number from 0 to 9"),
        ({"concurrency_limit": 2}, "give --concurrency-key, too"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(written: dict[str, object], said: str) -> None:
    with pytest.raises(WrongUsage, match=said):
        options_from(**{**NONE, **written})  # type: ignore[arg-type]


def test_a_pause_ends_after_a_time_or_at_one() -> None:
    assert end_of(None, None) is None
    assert abs((end_of("2h", None) or 0) - time.time() - 7_200) < 60
    assert end_of(None, "2033-05-18T03:33:20+00:00") == 2_000_000_000


@pytest.mark.parametrize(("for_", "until"), [("2h", "2033-05-18"), ("2 o'clock", None), (None, "tomorrow")])
def test_a_time_that_is_none_is_refused(for_: str | None, until: str | None) -> None:
    with pytest.raises(WrongUsage):
        end_of(for_, until)
