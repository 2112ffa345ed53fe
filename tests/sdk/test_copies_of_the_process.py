"""What the user's code forks is not the container: it reports nothing, counts nothing twice, and ends as it would."""

import json

import pytest

from tests.sdk.api_stub import Document, StubState
from tests.sdk.conftest import StartContainer

FORK = """
    import os, sys

    def f():
        child = os.fork()
        if child == 0:
            {}
        return os.waitpid(child, 0)[1]
    """


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("return 'from the child'", 0),
        ("sys.exit(3)", 3 << 8),
        ("raise ValueError('from the child')", 1 << 8),
        ("os._exit(4)", 4 << 8),
        ("os.kill(os.getpid(), 15)", 15),
        ("os.kill(os.getpid(), 40)", 40),
    ],
)
def test_only_the_first_process_reports(start_container: StartContainer, end: str, status: int) -> None:
    report = start_container(FORK.format(end)).report()
    assert report == {"outcome": "SUCCEEDED", "final_output": str(status), "error_message": None}


def test_a_copy_reports_no_progress(state: StubState, start_container: StartContainer) -> None:
    container = start_container("""
        import os

        def f():
            yield 'before'
            child = os.fork()
            if child == 0:
                yield 'from the child'
                return 'from the child'
            os.waitpid(child, 0)
            yield 'after'
        """)
    assert container.report()["outcome"] == "SUCCEEDED"
    assert state.updates[-1] == '"after"'
    assert '"from the child"' not in state.updates


def test_a_copy_in_a_coroutine_reports_nothing(start_container: StartContainer) -> None:
    container = start_container("""
        import asyncio, os

        async def f():
            await asyncio.sleep(0)
            child = os.fork()
            if child == 0:
                return 'from the child'
            return os.waitpid(child, 0)[1]
        """)
    assert container.report()["final_output"] == "0"


def test_a_process_that_goes_into_the_background_reports_nothing(
    state: StubState, start_container: StartContainer
) -> None:
    """As libraries for daemons do it: the first process ends, and a copy of its copy goes on."""
    container = start_container("""
        import os

        def f():
            if os.fork():
                os._exit(0)
            os.setsid()
            if os.fork():
                os._exit(0)
            return 'from the background'
        """)
    assert container.wait()[0] == 0  # when the last of them has closed what it inherited
    assert state.report is None


def test_sigterm_ends_a_copy_even_where_it_runs_no_python(start_container: StartContainer) -> None:
    container = start_container("""
        import os, signal, time

        def f():
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writer, b'.')
                sum(range(10 ** 12))
            os.read(reader, 1)
            os.kill(child, signal.SIGTERM)
            return os.waitpid(child, 0)[1]
        """)
    assert container.report()["final_output"] == "15"


def echo(_function: str, text: str) -> Document:
    """Gives its only argument back."""
    return {"outcome": "SUCCEEDED", "output": json.dumps(json.loads(text)[0])}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_pool_start_children_of_their_own(
    state: StubState, start_container: StartContainer, method: str
) -> None:
    state.answer_child = echo
    source = """
        import multiprocessing
        import control_plane as cp

        def one(number):
            child = cp.submit('echo', number % 2)
            return [child.id, child.result()]

        def f():
            with multiprocessing.get_context('METHOD').Pool(4) as pool:
                return pool.map(one, range(8), chunksize=1)
        """
    found = json.loads(start_container(source.replace("METHOD", method)).report()["final_output"])
    assert [value for _, value in found] == [0, 1] * 4
    assert len({invocation for invocation, _ in found}) == len(state.children) == 8
    # A container that is lost and started again finds them all.
    state.report = None
    state.starts.clear()
    again = json.loads(start_container(source.replace("METHOD", method)).report()["final_output"])
    assert {invocation for invocation, _ in again} == {invocation for invocation, _ in found}


def test_where_processes_cannot_count_together_children_are_still_different(
    state: StubState, start_container: StartContainer
) -> None:
    state.answer_child = echo
    container = start_container("""
        import os
        import control_plane as cp

        def f():
            os.closerange(3, 256)
            reader, writer = os.pipe()
            for _ in range(3):
                child = os.fork()
                if child == 0:
                    os.write(writer, cp.submit('echo', 1).id.encode().ljust(16))
                    os._exit(0)
                os.waitpid(child, 0)
            found = {os.read(reader, 16).decode() for _ in range(3)}
            return len(found | {cp.submit('echo', 1).id})
        """)
    assert container.report()["final_output"] == "4"


def test_a_copy_awaits_what_was_started_before(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = echo
    container = start_container("""
        import os
        import control_plane as cp

        def f():
            invocation = cp.submit('echo', 7)
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writer, str(invocation.result(10)).encode())
                os._exit(0)
            return [os.read(reader, 8).decode(), os.waitpid(child, 0)[1], invocation.result(10)]
        """)
    assert json.loads(container.report()["final_output"]) == ["7", 0, 7]
