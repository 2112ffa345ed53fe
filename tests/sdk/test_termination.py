"""SIGTERM: an exception in the user's code, whatever it is doing, and the outcome ABORTED."""

import re
import signal

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

ABORTED = {"outcome": "ABORTED", "final_output": None, "error_message": None}

# Each says "ready" on stdout when it may be stopped.
WAITING = {
    "function": "import time\ndef f():\n    print('ready', flush=True)\n    time.sleep(60)",
    "import": "import time\nprint('ready', flush=True)\ntime.sleep(60)\ndef f(): pass",
    "generator": "import time\ndef f():\n    yield 1\n    print('ready', flush=True)\n    time.sleep(60)",
    "coroutine": "import asyncio\nasync def f():\n    print('ready', flush=True)\n    await asyncio.sleep(60)",
    "asynchronous generator": (
        "import asyncio\nasync def f():\n    yield 1\n    print('ready', flush=True)\n    await asyncio.sleep(60)"
    ),
    "lock": "import threading\ndef f():\n    print('ready', flush=True)\n    threading.Event().wait()",
}


def read_ready(container) -> None:  # type: ignore[no-untyped-def]
    assert container.process.stdout.readline() == "ready\n"


@pytest.mark.parametrize("source", WAITING.values(), ids=WAITING.keys())
def test_uncaught_it_aborts(start_container: StartContainer, source: str) -> None:
    container = start_container(source)
    read_ready(container)
    container.sigterm()
    assert container.report() == ABORTED
    assert container.process.returncode == 143


@pytest.mark.parametrize(("creation_time", "name"), [(4_000_000_000, "Cancelled"), (0, "TimedOut")])
def test_the_code_learns_why_and_may_finish(
    state: StubState, start_container: StartContainer, creation_time: int, name: str
) -> None:
    state.invocation_creation_time = creation_time
    container = start_container("""
        import time
        from control_plane import Stopped

        def f():
            try:
                print('ready', flush=True)
                time.sleep(60)
            except Stopped as interruption:
                return type(interruption).__name__
        """)
    read_ready(container)
    container.sigterm()
    assert container.report() == {"outcome": "ABORTED", "final_output": f'"{name}"', "error_message": None}


def test_a_second_sigterm_is_ignored(start_container: StartContainer) -> None:
    container = start_container("""
        import time
        from control_plane import Cancelled

        def f():
            try:
                print('ready', flush=True)
                time.sleep(60)
            except Cancelled:
                print('ready', flush=True)
                time.sleep(0.5)
                return 'tidied up'
        """)
    read_ready(container)
    container.sigterm()
    read_ready(container)
    container.sigterm()
    assert container.report()["final_output"] == '"tidied up"'


def test_generators_get_it_where_they_are_even_between_two_steps(
    state: StubState, start_container: StartContainer
) -> None:
    container = start_container("""
        def f():
            try:
                yield 'first'
                while True:
                    yield 'more'
            except BaseException as error:
                yield type(error).__name__
        """)
    state.wait_until(lambda: len(state.updates) > 1)
    container.sigterm()
    assert container.report() == ABORTED
    assert state.updates[-1] == '"Cancelled"'


def test_an_error_while_tidying_up_is_still_an_abort(start_container: StartContainer) -> None:
    container = start_container("""
        import time

        def f():
            try:
                print('ready', flush=True)
                time.sleep(60)
            finally:
                raise RuntimeError('while tidying up')
        """)
    read_ready(container)
    container.sigterm()
    code, _, stderr = container.wait()
    assert (code, container.state.report) == (143, ABORTED)
    assert "while tidying up" in stderr


def test_before_the_start_it_ends_the_process_silently(state: StubState, start_container: StartContainer) -> None:
    state.faults.unavailable["PUT /start"] = 1_000_000
    container = start_container("def f(): pass")
    state.wait_until(lambda: state.faults.unavailable["PUT /start"] < 1_000_000)
    container.sigterm()
    assert container.wait() == (-signal.SIGTERM, "", "")
    assert state.starts == []


def test_before_the_start_it_reports_nothing_for_another_container(
    state: StubState, start_container: StartContainer
) -> None:
    state.faults.unavailable["PUT /start"] = 1_000_000
    container = start_container("def f(): pass")
    state.wait_until(lambda: state.faults.unavailable["PUT /start"] < 1_000_000)
    with state.changed:
        state.starts.append("exe-1")
        container.sigterm()
        state.faults.unavailable["PUT /start"] = 0
    container.wait()
    assert state.report is None


def test_while_starting_the_code_is_not_run(state: StubState, start_container: StartContainer) -> None:
    state.faults.unavailable["PUT /start"] = 2
    container = start_container("print('imported')")
    state.wait_until(lambda: state.faults.unavailable["PUT /start"] == 1)
    container.sigterm()
    assert container.wait()[1] == ""
    assert state.report == ABORTED


def test_while_reporting_the_report_is_not_lost(state: StubState, start_container: StartContainer) -> None:
    state.faults.unavailable["PUT /finish"] = 2
    container = start_container("def f(): return 'done'")
    state.wait_until(lambda: state.faults.unavailable["PUT /finish"] == 1)
    container.sigterm()
    assert container.report() == {"outcome": "SUCCEEDED", "final_output": '"done"', "error_message": None}


def test_forks_of_the_users_end_as_usual(start_container: StartContainer) -> None:
    container = start_container("""
        import os, signal, time

        def f():
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writer, b'.')
                time.sleep(60)
                os._exit(0)
            os.read(reader, 1)
            os.kill(child, signal.SIGTERM)
            return os.waitpid(child, 0)[1]
        """)
    assert container.report() == {"outcome": "SUCCEEDED", "final_output": "15", "error_message": None}


def test_it_leaves_in_the_log_where_every_thread_was(start_container: StartContainer) -> None:
    container = start_container("""
        import threading, time

        begun = threading.Event()

        def wait_for_help():
            begun.set()
            time.sleep(60)

        def f():
            threading.Thread(target=wait_for_help, daemon=True).start()
            begun.wait()
            print('ready', flush=True)
            time.sleep(60)
        """)
    read_ready(container)
    container.sigterm()
    _, _, stderr = container.wait()
    assert container.state.report == ABORTED
    for name in ("wait_for_help", "f"):
        assert re.search(rf'main\.py", line \d+ in {name}\n', stderr), stderr
    assert stderr.count("Told to stop") == 1


def test_it_says_so_too_where_the_code_is_in_c_and_does_not_come_back(start_container: StartContainer) -> None:
    container = start_container("""
        import ctypes

        def f():
            ctypes.PyDLL(None).system(b"echo ready; exec sleep 5")
        """)
    read_ready(container)
    container.sigterm()
    assert container.process.stderr is not None
    while 'main.py", line 5 in f' not in (line := container.process.stderr.readline()):
        assert line
    assert container.process.poll() is None


def test_a_second_one_leaves_no_second_trace(start_container: StartContainer) -> None:
    container = start_container("""
        import time
        from control_plane import Cancelled

        def f():
            try:
                print('ready', flush=True)
                time.sleep(60)
            except Cancelled:
                print('ready', flush=True)
                time.sleep(0.5)
        """)
    read_ready(container)
    container.sigterm()
    read_ready(container)
    container.sigterm()
    assert container.wait()[2].count("most recent call first") == 1
