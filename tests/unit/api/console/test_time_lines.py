"""Where the time of an invocation went, as a drawing."""

from datetime import timedelta

from api.console.views.time_lines import WIDTH, time_line_of
from control_plane_server.domain.entities import ContainerStatus, InvocationOutcome
from tests.unit.api.console.invocations import NOW, ago, ended, execution, failed, invocation


def test_phases_follow_each_other_on_one_scale() -> None:
    first = failed(
        creation_time=ago(100),
        queued_ms=20_000,
        execution_start_time=ago(90),
        execution_finish_time=ago(70),
        last_update_time=ago(60),
    )
    second = execution(
        2,
        creation_time=ago(30),
        queued_ms=10_000,
        execution_start_time=ago(20),
        container_status=ContainerStatus.RUNNING,
    )
    one, two = time_line_of(invocation(first, second), NOW).attempts
    assert [(part.kind, part.x, part.width) for part in one.segments if part.width] == [
        ("queued", 0, 167),
        ("starting", 167, 83),
        ("running", 250, 167),
        ("ending", 417, 83),
    ]
    assert [(part.kind, part.x, part.width) for part in two.segments if part.width] == [
        ("backoff", 500, 167),
        ("queued", 667, 83),
        ("starting", 750, 83),
        ("running", 833, 167),
    ]
    assert (one.state, one.tone, two.state, two.tone) == ("failed", "bad", "running", "live")
    assert one.segments[1].text == "queued 20.0 s"
    assert (one.running, two.running) == (timedelta(seconds=20), timedelta(seconds=20)), "the second runs until now"


def test_what_waits_is_drawn_until_now() -> None:
    (waiting,) = time_line_of(invocation(), NOW).attempts
    assert (waiting.number, waiting.state, waiting.execution) == (1, "waiting", None)
    assert [(part.kind, part.x, part.width) for part in waiting.segments] == [("queued", 0, WIDTH)]
    _, waiting = time_line_of(invocation(failed()), NOW).attempts
    assert [part.kind for part in waiting.segments] == ["backoff"]
    assert time_line_of(ended(InvocationOutcome.CANCELLED), NOW).attempts == ()


def test_a_moment_is_seen_and_nothing_leaves_the_drawing() -> None:
    last = execution(creation_time=NOW - timedelta(milliseconds=1), queued_ms=0)
    (one,) = time_line_of(invocation(last), NOW).attempts
    assert all(part.x >= 0 and part.x + part.width <= WIDTH for part in one.segments)
    assert [part.width for part in one.segments if part.kind == "starting"] == [3]
    of_clocks_that_differ = execution(creation_time=NOW + timedelta(seconds=5), queued_ms=0)
    (one,) = time_line_of(invocation(of_clocks_that_differ), NOW).attempts
    assert all(part.x >= 0 and part.x + part.width <= WIDTH for part in one.segments)


def test_a_page_has_the_newest_attempts() -> None:
    line = time_line_of(invocation(*(failed(number + 1) for number in range(70))), NOW)
    assert (len(line.attempts), line.left_out, line.attempts[-1].number) == (60, 11, 71)
