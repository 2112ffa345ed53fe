"""With `fork`, nothing of an execution reaches the next; with `process`, what is cheap to put back is put back."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.warm.conftest import StartWarm, WarmContainer

# Says what it finds, and leaves all of it otherwise.
LEAVING = """
    import os, random, signal, sys, tempfile, threading, time

    TEMPORARY = tempfile.gettempdir()
    found = []

    def f():
        state = {
            "globals": list(found),
            "environment": os.environ.get("LEFT"),
            "folder": os.getcwd(),
            "temporary": sorted(os.listdir(tempfile.gettempdir())),
            "threads": threading.active_count(),
            "handler": str(signal.getsignal(signal.SIGUSR1)),
            "blocking": os.get_blocking(1),
            "modules": "colorsys" in sys.modules,
        }
        numbers = [random.random(), os.environ["TMPDIR"], os.getpid()]
        found.append(1)
        os.environ["LEFT"] = "left"
        open(os.path.join(tempfile.gettempdir(), "left"), "w").close()
        os.chdir("/")
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        signal.signal(signal.SIGUSR1, lambda *_: None)
        os.set_blocking(1, False)
        import colorsys
        return [state, numbers]
"""


def two_of(container: WarmContainer) -> tuple[dict[str, Any], dict[str, Any], list[tuple[Any, Any]]]:
    (first, numbers), (second, others) = container.output(), container.output()
    return first, second, [*zip(numbers, others, strict=True)]


def test_copies_find_what_the_import_has_left(start_warm: StartWarm, tmp_path: Path, temporary: Path) -> None:
    first, second, numbers = two_of(start_warm(LEAVING))
    assert first == second
    assert (first["folder"], first["temporary"], first["globals"]) == (str(tmp_path), [], [])
    assert all(one != other for one, other in numbers)
    assert [*temporary.iterdir()] == []


def test_a_shared_process_has_its_surroundings_put_back(start_warm: StartWarm, tmp_path: Path, temporary: Path) -> None:
    first, second, ((random, other), folders, (process, same)) = two_of(start_warm(LEAVING, isolation="process"))
    assert first | {"globals": [1], "threads": 2, "modules": True} == second
    assert random != other
    assert folders[0] != folders[1]
    assert process == same
    assert [*temporary.iterdir()] == []


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_random_numbers_begin_anew(start_warm: StartWarm, isolation: str) -> None:
    container = start_warm(
        """
        import random, secrets, uuid

        import numpy

        def drawn():
            return [random.random(), numpy.random.random(), secrets.token_hex(4), str(uuid.uuid4())]

        AT_IMPORT = drawn()

        def f():
            return drawn() + AT_IMPORT
        """,
        isolation=isolation,
    )
    drawn = [container.output() for _ in range(3)]
    assert len({one for found in drawn for one in found}) == 4 * 4, "of the import, and of each execution"


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_the_module_is_imported_once(start_warm: StartWarm, tmp_path: Path, isolation: str) -> None:
    container = start_warm(
        """
        import time

        with open("imports", "a") as file:
            file.write("imported ")
        time.sleep(2)

        def f():
            return time.time()
        """,
        isolation=isolation,
    )
    container.output()
    began = time.time()
    assert container.output() - began < 2
    assert (tmp_path / "imports").read_text() == "imported "


def test_a_module_that_cannot_be_imported_fails_each_execution(start_warm: StartWarm) -> None:
    container = start_warm("import os\nos.chdir('/')\nraise ValueError('no good')")
    for _ in range(2):
        report = container.report()
        assert report["error_message"] == "main.py cannot be imported: ValueError: no good"


def test_one_that_changes_the_folder_is_found_all_the_same(start_warm: StartWarm) -> None:
    container = start_warm("import os\nos.chdir('/')\ndef f():\n    return os.getcwd()")
    assert (container.output(), container.output()) == ("/", "/")


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_the_code_is_told_of_its_execution_and_not_of_the_container(start_warm: StartWarm, isolation: str) -> None:
    container = start_warm(
        """
        import os
        import control_plane as cp

        def f():
            told = {name: value for name, value in os.environ.items() if name.startswith(("MULTI", "CONTROL_PLANE_"))}
            return [cp.current().execution_id, told]
        """,
        isolation=isolation,
    )
    for number in (1, 2):
        execution_id, told = container.output()
        assert execution_id == told["MULTINODE_EXECUTION_ID"] == f"exe-{number:032x}"
        assert told["MULTINODE_API_KEY"] == container.state.api_key
        assert not {"CONTROL_PLANE_CONTAINER_ID", "CONTROL_PLANE_REUSE"} & {*told}


def test_secrets_are_there_at_the_import_and_newer_ones_at_each_execution(start_warm: StartWarm) -> None:
    source = "import os\nEARLY = os.environ['NAME']\ndef f():\n    return [EARLY, os.environ['NAME']]"
    container = start_warm(source)
    container.state.secrets = {"NAME": "newer"}
    container.state.warm.secrets = {"NAME": "early"}
    assert container.output() == ["early", "newer"]


def test_commands_are_started_anew(start_warm: StartWarm, temporary: Path) -> None:
    command = '["sh", "-c", "cat; echo; ls -A $TMPDIR | wc -l; touch $TMPDIR/left"]'
    container = start_warm(None, CONTROL_PLANE_COMMAND=command)
    outputs = [container.report(number)["final_output"].split() for number in (1, 2)]
    assert outputs == [["1", "1"], ["2", "1"]]  # the folder of its own input
    assert [*temporary.iterdir()] == []


def test_asynchronous_functions_leave_no_loop_behind(start_warm: StartWarm) -> None:
    container = start_warm(
        "import asyncio, os\nasync def f():\n    await asyncio.sleep(0)\n    return len(os.listdir('/proc/self/fd'))",
        isolation="process",
    )
    assert len({container.output() for _ in range(4)}) == 1, os.listdir("/proc/self/fd")
