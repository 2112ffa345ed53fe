"""Whatever the user's code has made of its process, the outcome is reported, and before all else."""

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

DEEDS = {
    "stdout closed": "sys.stdout.close()",
    "no stdout": "sys.stdout = None",
    "stdout deleted": "del sys.stdout",
    "full disk behind stdout": "sys.stdout = open('/dev/full', 'w'); print('in a buffer')",
    "full disk behind both": "sys.stdout = sys.stderr = open('/dev/full', 'w'); print('in a buffer')",
    "stdout of another kind": "sys.stdout = object()",
    "descriptors closed": "os.closerange(0, 512)",
    "stdout's descriptor closed, and a thread that prints": (
        "os.close(1); threading.Thread(target=print_for_ever, daemon=True).start()"
    ),
    "atexit raises": "atexit.register(lambda: 1 / 0)",
    "atexit ends the process": "atexit.register(os._exit, 9)",
    "an alarm forgotten": "signal.signal(signal.SIGALRM, raise_something); signal.setitimer(signal.ITIMER_REAL, .05)",
    "an alarm without a handler": "signal.setitimer(signal.ITIMER_REAL, .05)",
    "an alarm at every moment": (
        "signal.signal(signal.SIGALRM, lambda *_: (armed and raise_something()));"
        "signal.setitimer(signal.ITIMER_REAL, .01, .01); armed.append(1)"
    ),
    "sockets replaced": "import socket; socket.socket = socket.create_connection = socket.getaddrinfo = None",
    "json replaced": "import json; json.dumps = json.loads = None",
    "clocks replaced": "import time; time.sleep = time.monotonic = None",
    "hardly a stack": "sys.setrecursionlimit(40)",
    "environment emptied": "os.environ.clear()",
    "folder gone": "os.chdir(tempfile.mkdtemp()); os.rmdir(os.getcwd())",
    "modules gone": "sys.modules.clear()",
    "hooks that raise": "sys.excepthook = sys.unraisablehook = threading.excepthook = None",
    "destructor raises": "keep.append(Destroyed())",
}
SOURCE = """
    import atexit, os, signal, sys, tempfile, threading

    armed, keep = [], []

    class Destroyed:
        def __del__(self):
            raise RuntimeError('in a destructor')

    def raise_something(*_):
        raise RuntimeError('from a signal')

    def print_for_ever():
        while True:
            print('x' * 100)

    def f():
        {deed}
        return {{'ok': True}}
    """


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS.keys())
def test_the_outcome_is_reported(state: StubState, start_container: StartContainer, deed: str) -> None:
    state.faults.slow_seconds = 0.1  # so that a report takes its time
    report = start_container(SOURCE.format(deed=deed)).report()
    if "armed" in deed and report["outcome"] == "FAILED":  # it came before the function returned
        assert report["error_message"] == "RuntimeError: from a signal"
        return
    assert report == {"outcome": "SUCCEEDED", "final_output": '{"ok": true}', "error_message": None}


@pytest.mark.parametrize(
    ("body", "error_message"),
    [
        ("sys.stderr.close(); raise ValueError('boom')", "ValueError: boom"),
        ("sys.stderr = None; raise ValueError('boom')", "ValueError: boom"),
        ("os.close(2); raise ValueError('boom')", "ValueError: boom"),
        ("sys.setrecursionlimit(40); raise ValueError('boom')", "ValueError: boom"),
        ("raise Unsayable", "Unsayable: (its text raised SystemExit)"),
        ("raise Nameless('boom')", "exception: boom"),
        ("raise ValueError(b'\\xff'.decode(errors='surrogateescape'))", "ValueError: ?"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
    ],
)
def test_a_failure_is_reported(start_container: StartContainer, body: str, error_message: str) -> None:
    source = """
        import os, sys

        class Unsayable(Exception):
            def __str__(self):
                sys.exit(7)

        class Secretive(type):
            @property
            def __name__(cls):
                raise AttributeError

        class Nameless(Exception, metaclass=Secretive):
            pass

        def f():
            {}
        """
    report = start_container(source.format(body)).report()
    assert (report["outcome"], report["error_message"]) == ("FAILED", error_message)


def test_a_traceback_is_in_the_log_though_stderr_was_closed(start_container: StartContainer) -> None:
    container = start_container("import sys\ndef f():\n    sys.stderr.close()\n    1 / 0")
    assert "ZeroDivisionError: division by zero" in container.wait()[2]


def test_a_thread_that_goes_on_does_not_hold_the_report(state: StubState, start_container: StartContainer) -> None:
    container = start_container("""
        import threading

        def f():
            threading.Thread(target=threading.Event().wait).start()
            return 1
        """)
    state.wait_until(lambda: state.report is not None)
    container.sigterm()  # as the control plane does after the grace period
    container.wait()
    assert state.report is not None
    assert state.report["final_output"] == "1"


def test_the_report_comes_before_what_python_does_at_its_end(state: StubState, start_container: StartContainer) -> None:
    container = start_container("""
        import atexit, threading

        def f():
            atexit.register(threading.Event().wait)
            raise ValueError('boom')
        """)
    state.wait_until(lambda: state.report is not None)
    container.sigterm()
    assert "ValueError: boom" in container.wait()[2]


@pytest.mark.parametrize(
    "left_running",
    ["keep.append(asyncio.create_task(deaf()))", "asyncio.get_running_loop().run_in_executor(None, wait)"],
    ids=["a task that cannot be cancelled", "a thread of asyncio's"],
)
def test_what_asynchronous_code_leaves_running_does_not_hold_the_report(
    state: StubState, start_container: StartContainer, left_running: str
) -> None:
    source = """
        import asyncio, threading

        keep, wait = [], threading.Event().wait

        async def deaf():
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    pass

        async def f():
            {}
            await asyncio.sleep(0)
            return 1
        """
    container = start_container(source.format(left_running))
    state.wait_until(lambda: state.report is not None)
    container.sigterm()
    container.wait()
    assert state.report is not None
    assert state.report["final_output"] == "1"


def test_tasks_that_are_left_running_are_cancelled_and_awaited(start_container: StartContainer) -> None:
    container = start_container("""
        import asyncio

        keep = []

        async def tidy():
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                print("tidied up", flush=True)

        async def f():
            keep.append(asyncio.create_task(tidy()))
            await asyncio.sleep(0)
            return 1
        """)
    exit_code, stdout, _ = container.wait()
    assert (exit_code, stdout.strip()) == (0, "tidied up")
