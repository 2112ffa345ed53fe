"""What the runtime reports of functions that run to their end, well or badly."""

import json
from pathlib import Path

import pytest
from control_plane import entry_modules

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

SHOW = "def f(*args, **kwargs):\n    return [args, kwargs]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [[], {}]),
        ("{}", [[], {}]),
        ("[]", [[], {}]),
        ('{"a": 1}', [[], {"a": 1}]),
        ("[1, [2]]", [[1, [2]], {}]),
        ("7", [[7], {}]),
        ('"text"', [["text"], {}]),
        ("null", [[None], {}]),
    ],
)
def test_input_becomes_arguments(
    state: StubState, start_container: StartContainer, text: str, expected: object
) -> None:
    state.input = text
    report = start_container(SHOW).report()
    assert report["outcome"] == "SUCCEEDED"
    assert json.loads(report["final_output"]) == expected


def test_none_is_no_output(start_container: StartContainer) -> None:
    container = start_container("def f(): pass")
    assert container.report() == {"outcome": "SUCCEEDED", "final_output": None, "error_message": None}
    assert container.process.returncode == 0


@pytest.mark.parametrize(
    ("source", "text", "error"),
    [
        ("def f(): raise ValueError('no good')", "", "ValueError: no good"),
        ("def f(): raise KeyError('k')", "", "KeyError: 'k'"),
        ("import sys\ndef f(): sys.exit(3)", "", "SystemExit: 3"),
        ("def g(): pass", "", "main.py has no function 'f'"),
        ("f = 3", "", "'f' in main.py is no function but int"),
        (
            "import does_not_exist",
            "",
            "main.py cannot be imported: ModuleNotFoundError: No module named 'does_not_exist'",
        ),
        ("def f(: pass", "", "main.py cannot be imported: SyntaxError: "),
        ("def f(): pass", "{", "The input is not JSON: "),
        ("def f(n): pass", "NaN", "The input is not JSON: NaN is no JSON; null or a string may stand for it"),
        ("def f(n): pass", "1e400", "The input cannot be handed over as it is: a float cannot keep the number 1e400"),
        ("def f(): pass", "[1]", "TypeError: f() takes 0 positional arguments but 1 was given"),
        ("def f(): return object()", "", "The output cannot be written as JSON: result is an object, which has"),
        ("def f(): return 'x' * 249_998", "", "The output is 250,000 characters long; at most 249,999 are possible"),
        (
            "class E(Exception):\n  def __str__(self): raise OSError\ndef f(): raise E",
            "",
            "E: (its text raised OSError)",
        ),
        ("def f(): raise ValueError('\\0\\ud800')", "", "ValueError: ??"),
    ],
)
def test_failures_say_why(
    state: StubState, start_container: StartContainer, source: str, text: str, error: str
) -> None:
    state.input = text
    container = start_container(source)
    report = container.report()
    assert report["outcome"] == "FAILED"
    assert report["error_message"].startswith(error)
    assert container.process.returncode == 1


@pytest.mark.parametrize("how", ["variable", "note"])
def test_another_module_may_have_the_functions(
    state: StubState, start_container: StartContainer, tmp_path: Path, how: str
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "jobs.py").write_text("def f():\n    return __name__\n")
    variables = {}
    if how == "variable":
        variables[entry_modules.VARIABLE] = "images.jobs"
    else:
        (tmp_path / entry_modules.NOTE).write_text(entry_modules.note("images.jobs"))
    assert start_container(None, **variables).report()["final_output"] == '"images.jobs"'


def test_a_note_that_names_no_module_is_said_to(start_container: StartContainer, tmp_path: Path) -> None:
    (tmp_path / entry_modules.NOTE).write_text("{}")
    message = start_container("def f(): ...").report()["error_message"]
    assert message == f".control-plane.json in {tmp_path} names no module: 'module'"


def test_no_main_file(state: StubState, start_container: StartContainer, tmp_path: Path) -> None:
    assert start_container(None).report()["error_message"] == f"There is no main.py in {tmp_path}"


def test_the_traceback_is_in_the_log(start_container: StartContainer) -> None:
    container = start_container("def f():\n    print('working')\n    1 / 0")
    _, stdout, stderr = container.wait()
    assert stdout == "working\n"
    assert stderr.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "1 / 0" in stderr


def test_long_error_messages_are_shortened(start_container: StartContainer) -> None:
    message = start_container("def f(): raise ValueError('x' * 20_000)").report()["error_message"]
    assert len(message) == 16_383
    assert message.endswith("xxx … (shortened)")


def test_the_longest_output_is_delivered(start_container: StartContainer) -> None:
    assert len(start_container("def f(): return 'ß' * 249_997").report()["final_output"]) == 249_999


def test_half_surrogates_are_escaped(start_container: StartContainer) -> None:
    assert start_container("def f(): return '\\ud800'").report()["final_output"] == '"\\ud800"'


def test_generators_report_progress(state: StubState, start_container: StartContainer) -> None:
    report = start_container("def f():\n    yield {'done': 1}\n    yield {'done': 2}").report()
    assert report == {"outcome": "SUCCEEDED", "final_output": "null", "error_message": None}
    assert json.loads(state.updates[-1]) == {"done": 2}


def test_a_generator_may_return_its_output(state: StubState, start_container: StartContainer) -> None:
    report = start_container("def f():\n    yield 1\n    return 'end'").report()
    assert report["final_output"] == '"end"'
    assert state.updates == ["1"]


def test_a_fast_generator_does_not_wait_for_a_slow_api(state: StubState, start_container: StartContainer) -> None:
    state.faults.slow_seconds = 0.2
    start_container("def f():\n    yield from range(1_000)").report()
    assert state.updates[-1] == "999"
    assert [int(update) for update in state.updates] == sorted(int(update) for update in state.updates)
    assert len(state.updates) < 20


def test_a_generator_that_fails_keeps_its_progress(state: StubState, start_container: StartContainer) -> None:
    report = start_container("def f():\n    yield 1\n    raise ValueError('late')").report()
    assert (report["outcome"], report["final_output"], report["error_message"]) == ("FAILED", None, "ValueError: late")
    assert state.updates == ["1"]


def test_unusable_progress_ends_the_generator(start_container: StartContainer) -> None:
    container = start_container("def f():\n    try:\n        yield object()\n    finally:\n        print('closed')")
    assert container.wait()[1] == "closed\n"
    assert container.state.report is not None
    assert container.state.report["error_message"].startswith("The output cannot be written as JSON")


def test_asynchronous_functions(start_container: StartContainer) -> None:
    source = "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5"
    assert start_container(source).report()["final_output"] == "5"


def test_asynchronous_generators(state: StubState, start_container: StartContainer) -> None:
    report = start_container("async def f():\n    yield 1\n    yield 2").report()
    assert (report["outcome"], state.updates[-1]) == ("SUCCEEDED", "2")


def test_main_may_import_its_neighbours(start_container: StartContainer, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("ANSWER = 42")
    assert start_container("import neighbour\ndef f(): return neighbour.ANSWER").report()["final_output"] == "42"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f():\n    return object()", "The output cannot be written as JSON: "),
        ("def f():\n    return 'x' * 250_000", "The output is 250,002 characters long"),
        ("def f(missing): pass", "TypeError: f() missing 1 required positional argument: 'missing'"),
        ("import control_plane as cp\ndef f():\n    raise cp.DoNotRetry('no such card')", "DoNotRetry: no such card"),
    ],
    ids=["no JSON", "too long", "wrong arguments", "said so"],
)
def test_what_would_fail_again_is_final(start_container: StartContainer, source: str, message: str) -> None:
    report = start_container(source).report()
    assert (report["outcome"], report["retry"]) == ("FAILED", False)
    assert report["error_message"].startswith(message)


def test_other_failures_may_be_tried_again(start_container: StartContainer) -> None:
    assert "retry" not in start_container("def f():\n    len(5)").report()


@pytest.mark.parametrize(
    ("names", "is_final"),
    [
        (["Wrong"], True),
        (["ValueError"], True),
        (["main.Wrong"], True),
        (["builtins.Exception"], True),
        (["KeyError", "wrong", "other.Wrong", "Wro"], False),
    ],
)
def test_a_failure_that_is_of_a_named_class_is_final(
    state: StubState, start_container: StartContainer, names: list[str], *, is_final: bool
) -> None:
    state.execution_spec = {"no_retry_on": names}
    report = start_container("class Wrong(ValueError): pass\ndef f(): raise Wrong('no')").report()
    assert report["error_message"] == "Wrong: no"
    assert (report.get("retry") is False) == is_final
