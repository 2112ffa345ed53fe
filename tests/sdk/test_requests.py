"""What an execution costs the API: two requests over one connection, whatever the code does to its descriptors."""

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

EXECUTION = "/projects/p/versions/ver-1/functions/f/invocations/inv-p/executions/exe-1"
PLAIN = [f"PUT {EXECUTION}/start", f"PUT {EXECUTION}/finish"]


def test_a_plain_one_makes_two_over_one_connection(state: StubState, start_container: StartContainer) -> None:
    state.input = '{"name": "input"}'
    assert start_container("def f(name): return name").report()["final_output"] == '"input"'
    assert (state.requests, len(state.connections)) == (PLAIN, 1)


def test_progress_and_secrets_use_the_same_connection(state: StubState, start_container: StartContainer) -> None:
    state.secrets = {"NAME": "value"}
    source = "import os\ndef f():\n    yield 1\n    return os.environ['NAME']"
    assert start_container(source).report()["final_output"] == '"value"'
    assert sorted(state.requests) == sorted([*PLAIN, f"GET {EXECUTION}/environment", f"PUT {EXECUTION}/update"])
    assert len(state.connections) == 1


def test_a_connection_that_the_server_ended_meanwhile_is_no_failure(
    state: StubState, start_container: StartContainer
) -> None:
    container = start_container("""
        def f():
            print('ready', flush=True)
            return input()
        """)
    assert container.process.stdout is not None
    assert container.process.stdout.readline() == "ready\n"
    state.end_idle_connections()
    assert container.process.stdin is not None
    container.process.stdin.write("on\n")
    container.process.stdin.flush()
    assert container.report()["final_output"] == '"on"'
    assert (state.requests, len(state.connections)) == (PLAIN, 2)


# Each closes what it finds, or more, and goes on.
CLOSING = {
    "closed": "os.closerange(3, 256)",
    "another file in its place": """
            os.closerange(3, 256)
            files = [open("file-%d" % number, "w+b") for number in range(64)]
        """,
    "another connection in its place": """
            os.closerange(3, 256)
            pairs = [socket.socketpair() for number in range(32)]
            files = [open("file", "w+b")]
        """,
}


@pytest.mark.parametrize("closing", CLOSING.values(), ids=CLOSING.keys())
def test_what_the_code_puts_in_its_place_is_left_alone(
    state: StubState, start_container: StartContainer, closing: str
) -> None:
    container = start_container(f"""
        import atexit, os, socket

        def f():
            files = []
            pairs = []
            {closing.strip()}
            atexit.register(check, files, pairs)
            return len(files)

        def check(files, pairs):
            for file in files:
                file.seek(0)
                assert file.read() == b"", "something was written"
            for one, other in pairs:
                one.send(b"x")
                assert other.recv(9) == b"x", "something was sent"
            print("untouched")
        """)
    code, stdout, stderr = container.wait()
    assert (code, stdout) == (0, "untouched\n"), stderr
    assert state.report is not None
    assert state.requests == PLAIN


def test_a_copy_of_the_process_does_not_speak_on_its_connection(
    state: StubState, start_container: StartContainer
) -> None:
    container = start_container("""
        import os

        def f():
            if os.fork() == 0:
                return 'copy'
            os.wait()
            return 'original'
        """)
    assert container.report()["final_output"] == '"original"'
    assert (state.requests, len(state.connections)) == (PLAIN, 1)
