"""The report of a short execution goes with its container's next question; whatever comes between them, it is made."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sdk.api_stub import Document
from tests.sdk.warm.conftest import StartWarm, WarmContainer

EXECUTION = "/projects/p/versions/ver-1/functions/f/invocations/inv-p/executions"
SUCCESS = {"outcome": "SUCCEEDED", "final_output": "1", "error_message": None}
# Its process goes on when it is done.
LINGERS = """
    import threading, time

    def f():
        threading.Thread(target=time.sleep, args=(600,)).start()
        return 1
    """


def reports_by_themselves(container: WarmContainer) -> int:
    return sum(request.endswith("/finish") for request in container.state.requests)


def handed_over(container: WarmContainer, before: Callable[[], None] = lambda: None) -> Document:
    """The report of an execution that its container has said. On a busy machine some take too long for that. `before`:
    called before each."""
    for _ in range(10):
        earlier = reports_by_themselves(container)
        before()
        report = container.report()
        if reports_by_themselves(container) == earlier:
            return report
    pytest.fail("each has reported by itself")


def is_reported(container: WarmContainer, execution_id: str) -> bool:
    return execution_id in container.state.reports


def test_a_failure_is_told_as_it_would_be_by_itself(start_warm: StartWarm) -> None:
    container = start_warm("def f(): raise ValueError('no good')")
    report = handed_over(container)
    container.state.warm.takes_reports = False
    earlier = reports_by_themselves(container)
    assert container.report() == report
    assert reports_by_themselves(container) == earlier + 1
    assert report["error_message"] == "ValueError: no good"
    assert "def f(): raise ValueError" in report["error_traceback"]


@pytest.mark.parametrize(
    "source",
    [
        "import time\ndef f():\n    time.sleep(0.5)\n    return 1",
        "import os\ndef f():\n    os.closerange(3, 256)\n    return 1",
        "def f():\n    return 'x' * 40_000",
    ],
    ids=["it takes long", "its descriptors are closed", "it is long"],
)
def test_what_cannot_be_handed_over_is_told_by_itself(start_warm: StartWarm, source: str) -> None:
    container = start_warm(source)
    for number in (1, 2):
        assert container.report()["outcome"] == "SUCCEEDED"
        assert reports_by_themselves(container) == number


def test_a_file_that_took_the_place_of_the_pipe_stays_as_it_is(start_warm: StartWarm, tmp_path: Path) -> None:
    container = start_warm(f"""
        import os

        def f():
            os.closerange(3, 256)
            for number in range(60):
                os.open(f"{tmp_path}/{{number}}", os.O_CREAT | os.O_WRONLY)
            return 1
        """)
    assert container.output() == 1
    assert {len((tmp_path / str(number)).read_bytes()) for number in range(60)} == {0}


def test_one_whose_process_goes_on_is_reported_all_the_same(start_warm: StartWarm) -> None:
    container = start_warm(LINGERS, grace=0.3)
    execution_id = container.begin()
    container.state.wait_until(lambda: is_reported(container, execution_id))
    assert container.state.reports[execution_id] == SUCCESS
    assert not container.state.warm.has_ended(execution_id)
    container.stop(execution_id)
    assert container.wait(execution_id) == 143
    assert reports_by_themselves(container) == 1


def test_what_is_told_to_stop_is_heard_while_a_report_cannot_be_made(start_warm: StartWarm) -> None:
    container = start_warm(LINGERS, grace=0.3)
    container.state.faults.unavailable["PUT /finish"] = 1_000
    container.begin()
    container.state.wait_until(lambda: reports_by_themselves(container) > 1)
    began = time.monotonic()
    container.sigterm()
    assert time.monotonic() - began < 5
    assert container.state.report is None


@pytest.mark.parametrize("heeds", [True, False])
def test_a_container_that_is_told_to_end_reports_what_ends_then(start_warm: StartWarm, *, heeds: bool) -> None:
    """At once, not when its time is over: its platform kills it then."""
    container = start_warm(
        f"""
        import signal, threading, time

        def f():
            threading.Thread(target=time.sleep, args=(600,), daemon=False).start()
            if not {heeds}:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("ready", flush=True)
            try:
                time.sleep(0.25)
            except BaseException:
                pass
            return 1
        """,
        grace=60,
    )
    execution_id = container.begin()
    container.read_ready()
    container.process.terminate()
    container.state.wait_until(lambda: is_reported(container, execution_id), timeout=5)
    assert container.process.poll() is None
    container.process.kill()


def test_a_container_that_is_refused_reports_first(start_warm: StartWarm) -> None:
    container = start_warm("import time\ndef f():\n    print('ready', flush=True)\n    time.sleep(0.2)\n    return 1")
    execution_id = container.begin()
    container.read_ready()
    container.state.warm.key = "another"
    container.state.wait_until(lambda: is_reported(container, execution_id))
    assert container.state.reports[execution_id] == SUCCESS
    assert container.process.wait(20) == 1


def test_what_the_code_makes_of_python_keeps_no_report_back(start_warm: StartWarm) -> None:
    container = start_warm("""
        import json, time

        def f():
            json.dumps = time.monotonic = None
            return 1
        """)
    assert handed_over(container) == SUCCESS


@pytest.mark.parametrize("written", ["[1]", "x", "{}"])
def test_what_else_is_written_into_the_pipe_is_nothing(start_warm: StartWarm, written: str) -> None:
    container = start_warm(f"""
        import os, stat

        def f():
            for number in range(3, 256):
                try:
                    if stat.S_ISFIFO(os.fstat(number).st_mode):
                        os.write(number, b"{written}\\n")
                except OSError:
                    pass
            return 1
        """)
    for _ in range(2):
        assert container.output() == 1
    assert container.end()[0] == 0


def test_an_execution_finds_nothing_of_the_one_before(start_warm: StartWarm) -> None:
    container = start_warm("""
        import gc

        def f(text=""):
            said = "-".join(("first", "of", "all"))
            return [text] if text else [repr(one) for one in gc.get_objects() if said in repr(one)][:1]
        """)
    assert container.output("first-of-all") == ["first-of-all"]
    assert container.output() == []


@pytest.mark.parametrize("fault", ["lost", "unavailable"])
def test_a_question_that_is_repeated_reports_once(start_warm: StartWarm, fault: str) -> None:
    container = start_warm("def f(): return 1")
    container.output()

    def go_wrong() -> None:
        getattr(container.state.faults, fault)["POST /next"] = 2

    assert handed_over(container, go_wrong) == SUCCESS


def test_what_comes_after_the_report_is_in_the_log_of_its_execution(start_warm: StartWarm) -> None:
    container = start_warm("""
        import atexit

        def f(number):
            atexit.register(print, "end of", number)
            return number
        """)
    assert [container.output(number) for number in (1, 2)] == [1, 2]
    _, stdout, _ = container.end()
    lines = [line for line in stdout.splitlines() if line.startswith("end of")]
    assert lines == ["end of 1", "end of 2"]
