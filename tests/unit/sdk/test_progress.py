"""How often progress is sent: a few times a second, the newest value, and the last one whatever else."""

import threading
import time

import pytest
from control_plane.container.progress import ExecutionIsGone, Progress
from control_plane.errors import Unreachable

NEVER = 3_600.0


class Api:
    """Takes progress, one value after the other."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.asked = threading.Event()
        self.has_taken = threading.Event()
        self.failures: list[Exception] = []

    def send(self, output: str) -> None:
        self.asked.set()
        assert self.is_open.wait(20)
        if self.failures:
            raise self.failures.pop()
        self.taken.append(output)
        self.has_taken.set()


@pytest.fixture
def api() -> Api:
    return Api()


def test_values_at_full_speed_are_sent_a_few_times_a_second(api: Api) -> None:
    progress = Progress(api.send)
    count, began = 0, time.monotonic()
    while time.monotonic() < began + 1:
        progress.report(str(count))
        count += 1
    progress.close()
    assert 2 <= len(api.taken) <= 6
    assert (api.taken[0], api.taken[-1]) == ("0", str(count - 1))


def test_the_last_value_waits_for_no_pause(api: Api) -> None:
    progress = Progress(api.send, pause_seconds=NEVER)
    for number in range(3):
        progress.report(str(number))
        assert api.asked.wait(20)
    progress.close()
    assert (api.taken[0], api.taken[-1]) == ("0", "2")
    assert len(api.taken) == 2


def test_the_code_that_reports_waits_for_nobody(api: Api) -> None:
    api.is_open.clear()
    progress = Progress(api.send)
    began = time.monotonic()
    for number in range(10_000):
        progress.report(str(number))
    assert time.monotonic() - began < 5
    api.is_open.set()
    progress.close()
    assert api.taken[-1] == "9999"


def test_an_api_that_comes_back_gets_the_newest_value(api: Api) -> None:
    api.failures = [Unreachable()]
    progress = Progress(api.send, pause_seconds=0.01)
    progress.report("1")
    assert api.has_taken.wait(20)
    progress.close()
    assert api.taken == ["1"]


def test_a_defect_of_the_sender_is_heard(api: Api) -> None:
    api.failures = [ValueError("of ours")]
    progress = Progress(api.send, pause_seconds=NEVER)
    progress.report("1")
    with pytest.raises(ExecutionIsGone, match="of ours"):
        progress.close()
