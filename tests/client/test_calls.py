"""Functions called from an application."""

import os
import pickle
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import control_plane as cp
import pytest


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that `wait_for` waits for; it is there in the end, whatever happens."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def test_a_call_and_all_that_can_be_asked_of_it(client: cp.Client, project: str) -> None:
    call = client.function(project, "resize").submit("a.png", width=300)
    assert call.result(timeout=60) == {"url": "a.png", "width": 300}
    assert call.status() == "SUCCEEDED"
    assert call.done()
    assert call.function_name == "resize"
    found = client.invocation(call.id)
    assert found.result() == {"url": "a.png", "width": 300}
    assert list(found.logs(follow=True)) == ["resizing a.png"]
    found.cancel()
    assert found.status() == "SUCCEEDED"


def test_wrong_arguments_are_found_before_anything_is_sent(client: cp.Client, project: str) -> None:
    resize = client.function(project, "resize")
    before = len(list(client.invocations(project)))
    wrong: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        (("a", "b"), {}, "width is 'b', but must be integer"),
        ((), {"widht": 1, "url": "a"}, "has no argument 'widht'"),
        ((), {}, "lacks the argument url"),
        (("a",), {"width": float("nan")}, "width"),
    ]
    for args, kwargs, said in wrong:
        with pytest.raises(TypeError, match=said):
            resize.submit(*args, **kwargs)
    assert len(list(client.invocations(project))) == before


def test_unknown_names_are_answered_with_those_that_exist(client: cp.Client, project: str) -> None:
    with pytest.raises(cp.Refused, match=r"no function 'resise'; there are: resize, .*is 'resize' meant\?") as refused:
        client.function(project, "resise")
    assert (refused.value.status, refused.value.code) == (404, "FunctionDoesNotExist")
    with pytest.raises(cp.Refused, match=r"there is no project 'picture'; there .*pictures"):
        client.function("picture", "resize")
    with pytest.raises(cp.Refused, match="has no version 'ver-0'"):
        client.function(project, "resize", version="ver-0")


def test_a_failure_brings_what_was_raised(client: cp.Client, project: str) -> None:
    call = client.function(project, "resize").submit("broken")
    with pytest.raises(cp.InvocationFailed) as failed:
        call.result(timeout=60)
    error = failed.value
    assert (error.type, error.message, error.attempt) == ("ValueError", "no picture", 1)
    assert error.invocation_id == call.id
    assert error.execution_id is not None
    assert error.traceback is not None
    assert 'raise ValueError("no picture")' in error.traceback


def test_progress_until_the_end(client: cp.Client, project: str) -> None:
    call = client.function(project, "count").submit(3)
    assert [value["counted"] for value in call.progress()] == [1, 2, 3]
    assert call.result() is None  # a generator that returns nothing


def test_a_call_that_takes_too_long_goes_on_and_can_be_cancelled(client: cp.Client, project: str, gate: Path) -> None:
    call = client.function(project, "wait_for").submit(str(gate))
    with pytest.raises(TimeoutError, match=r"it has not ended within 0\.5 s"):
        call.result(timeout=0.5)
    with pytest.raises(TimeoutError):
        next(iter(client.as_completed([call], timeout=0.5)))
    assert call.status() == "RUNNING"
    call.cancel()
    with pytest.raises(cp.InvocationCancelled):
        call.result(timeout=60)


def test_a_command_takes_and_gives_text(client: cp.Client, project: str) -> None:
    upper = client.function(project, "upper")
    call = upper.submit("12")
    assert call.result(timeout=60) == "12"
    assert client.invocation(call.id).result() == "12"  # no number: it is text
    with pytest.raises(TypeError, match="is a command"):
        upper.submit("a", "b")


def test_an_idempotency_key_makes_two_calls_one(client: cp.Client, project: str) -> None:
    once = client.function(project, "double").with_options(cp.Options(idempotency_key="test-once"))
    assert once.submit(2).id == once.submit(2).id
    assert once.submit(2).result(timeout=60) == 4


def test_many_calls_are_awaited_together(client: cp.Client, project: str, gate: Path) -> None:
    resize = client.function(project, "resize")
    slow = client.function(project, "wait_for").submit(str(gate))
    calls = [slow, *(resize.submit(str(number)) for number in range(3))]
    ended = []
    for call in client.as_completed(calls, timeout=60):
        ended.append(call)
        if len(ended) == 3:
            gate.touch()
    assert ended[-1] is slow
    assert client.gather(*calls) == ["there", *({"url": str(number), "width": 800} for number in range(3))]
    broken = resize.submit("broken")
    assert isinstance(client.gather(broken, return_exceptions=True)[0], cp.InvocationFailed)
    assert {call.id for call in cp.as_completed([broken, slow])} == {broken.id, slow.id}


def test_a_map_is_one_batch(client: cp.Client, project: str) -> None:
    resize = client.function(project, "resize")
    urls = [f"{number}.png" for number in range(6)]
    assert [found["url"] for found in resize.map(urls)] == urls
    assert sorted(found["url"] for found in resize.map(urls, ordered=False)) == sorted(urls)
    widths = [found["width"] for found in resize.starmap((url, width) for width, url in enumerate(urls))]
    assert widths == list(range(6))
    batch_id = next(client.invocations(project, function="resize")).document["batch_id"]
    batch = client.batch(batch_id)
    assert batch.info().counts["SUCCEEDED"] == 6
    results = list(batch.results(after=4))
    assert [result.position for result in results] == [5, 6]
    batch.cancel()
    assert list(client.invocations(project, batch=batch_id, outcome="FAILED")) == []


def test_a_failure_within_a_map(client: cp.Client, project: str) -> None:
    resize = client.function(project, "resize")
    found = list(resize.map(["a", "broken", "b"], return_exceptions=True))
    assert [isinstance(each, cp.InvocationFailed) for each in found] == [False, True, False]
    results = resize.map(["a", "broken"])
    assert next(results)["url"] == "a"
    with pytest.raises(cp.InvocationFailed, match="no picture"):
        next(results)
    with pytest.raises(TypeError, match="must be string"):
        resize.map(["a", 1])


def test_lists(client: cp.Client, project: str) -> None:
    assert project in [found.project_name for found in client.projects()]
    newest = client.versions(project)[0].version_id
    assert client.version(project).version_id == newest
    call = client.function(project, "double").submit(1)
    call.result()
    found = next(client.invocations(project, function="double", version=newest))
    assert (found.invocation_id, found.function_name) == (call.id, "double")
    with pytest.raises(ValueError, match="has no time zone"):
        client.invocations(project, since=datetime(2026, 1, 1))  # noqa: DTZ001 - that is it


def test_threads_share_a_client(client: cp.Client, project: str) -> None:
    double = client.function(project, "double")
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda number=number: found.append(double.submit(number).result(timeout=60)))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [2 * number for number in range(4)]


def test_a_copy_of_the_process_has_connections_of_its_own(client: cp.Client, project: str) -> None:
    double = client.function(project, "double")
    call = double.submit(3)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if (call.result(timeout=60), double.submit(4).result(timeout=60)) == (6, 8) else 2
        finally:
            os._exit(code)
    assert call.result(timeout=60) == 6
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert double.submit(5).result(timeout=60) == 10


def test_a_call_that_is_named_twice_is_awaited_once_and_given_twice(client: cp.Client, project: str) -> None:
    call = client.function(project, "double").submit(4)
    assert client.gather(call, call) == [8, 8]
    assert list(client.as_completed([call, call])) == [call]
    with pytest.raises(TypeError, match="'inv-1' is no call"):
        client.gather(call, "inv-1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'inv-1' is no call"):
        client.gather("inv-1")  # type: ignore[arg-type]


def test_what_a_client_has_made_stays_with_it(client: cp.Client, project: str) -> None:
    double = client.function(project, "double")
    for made in (client, double, double.submit(1)):
        with pytest.raises(TypeError, match="cannot be pickled or copied: send names and ids"):
            pickle.dumps(made)


def test_no_longer_than_the_timeout_is_waited_for(client: cp.Client, project: str, gate: Path) -> None:
    call = client.function(project, "wait_for").submit(str(gate))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        call.result(timeout=0)
    assert time.monotonic() - began < 0.9
