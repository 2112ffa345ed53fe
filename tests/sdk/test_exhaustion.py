"""A container that has used up what it may have reports all the same, or says at once what it lacks."""

import json

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

LEAKS = """
    import resource, threading

    leaked = []

    def descriptors():
        try:
            while True:
                leaked.append(open('/dev/null'))
        except OSError:
            pass

    def memory():
        used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2 ** 20,) * 2)
        size = 2 ** 20
        while size:
            try:
                leaked.append(bytearray(size))
            except MemoryError:
                size //= 2

    def f():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        {}
    """


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("descriptors()\n        return 1", ("SUCCEEDED", "1", None)),
        ("descriptors()\n        raise ValueError('boom')", ("FAILED", None, "ValueError: boom")),
        ("descriptors()\n        yield 1", ("SUCCEEDED", "null", None)),
        (
            "descriptors()\n        open('/dev/null')",
            ("FAILED", None, "OSError: [Errno 24] Too many open files: '/dev/null'"),
        ),
        ("memory()\n        return 1", ("SUCCEEDED", "1", None)),
        ("memory()\n        raise ValueError('boom')", ("FAILED", None, "ValueError: boom")),
        ("memory()\n        return 'x' * 10 ** 9", ("FAILED", None, "MemoryError: ")),
    ],
)
def test_the_outcome_is_reported(
    state: StubState, start_container: StartContainer, body: str, outcome: tuple[str, str | None, str | None]
) -> None:
    report = start_container(LEAKS.format(body)).report()
    assert (report["outcome"], report["final_output"], report["error_message"]) == outcome


def test_memory_that_the_failure_itself_holds_is_given_back(start_container: StartContainer) -> None:
    container = start_container("""
        import resource

        def f():
            used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2 ** 20,) * 2)
            rows = []
            while True:
                rows.append([len(rows)] * 10)
        """)
    assert container.report()["error_message"] == "MemoryError: "


def test_progress_needs_no_thread(state: StubState, start_container: StartContainer) -> None:
    container = start_container("""
        import threading

        def no_more(*_, **__):
            raise RuntimeError("can't start new thread")

        def f():
            threading.Thread.start = no_more
            yield 1
            yield 2
            return 3
        """)
    report = container.report()
    assert (report["outcome"], report["final_output"]) == ("SUCCEEDED", "3")


def test_a_child_that_cannot_be_started_for_lack_of_descriptors_says_so_at_once(
    state: StubState, start_container: StartContainer
) -> None:
    state.answer_child = lambda _function, _text: {}
    body = "cp.submit('g')\n        descriptors()\n        cp.submit('g')"
    source = LEAKS.replace("import resource", "import control_plane as cp\n    import resource")
    report = start_container(source.format(body)).report()
    assert report["error_message"] == (
        "Exhausted: The control plane's API cannot be asked: this container has no file descriptor left"
    )


def test_a_log_that_takes_no_more_keeps_no_command_waiting(start_container: StartContainer) -> None:
    script = "exec 3>&1; head -c 1000000 /dev/zero | tr '\\0' x; echo end"
    container = start_container(None, CONTROL_PLANE_COMMAND=json.dumps(["sh", "-c", script]))
    assert container.process.stdout is not None
    container.process.stdout.close()
    container.state.wait_until(lambda: container.state.report is not None)
    assert container.state.report is not None
    assert container.state.report["outcome"] == "SUCCEEDED"


def test_a_limit_of_descriptors_that_was_lowered_does_not_hold_for_the_report(start_container: StartContainer) -> None:
    container = start_container("""
        import resource

        def f():
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            return 1
        """)
    assert container.report()["final_output"] == "1"
