"""However an execution ends, its container goes on; however the container ends, its execution learns of it."""

import os
import time
from pathlib import Path

import pytest
from control_plane.protocol.bounds import IMPORT_TOOK_TOO_LONG

from control_plane_server.provisioners.process.memory_groups import can_limit_memory, make_memory_group
from tests.sdk.warm.conftest import StartWarm

ABORTED = {"outcome": "ABORTED", "final_output": None, "error_message": None}
# Does what it is told to.
MANY = """
    import os, signal, subprocess, sys, threading, time

    def f(what="nothing"):
        if what == "exit":
            os._exit(7)
        if what == "memory":
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does
        if what == "group":
            os.killpg(0, signal.SIGKILL)
        if what == "wait":
            print("ready", flush=True)
            time.sleep(600)
        if what == "ignore":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("ready", flush=True)
            time.sleep(600)
        if what == "fork":
            if os.fork() == 0:
                time.sleep(600)
        if what == "close":
            os.closerange(0, 256)
        if what == "daemon":
            daemon()
        return what

    def daemon():
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 600"], start_new_session=True)
                os.write(writer, b".")
                time.sleep(600)
            os._exit(0)
        os.read(reader, 1)
"""
# Where the module has a thread, no copy waits for the next lease.
WITHOUT_SPARE = """
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


@pytest.mark.parametrize(("what", "exit_code"), [("exit", 7), ("memory", 137), ("group", 137)])
def test_one_that_dies_without_a_word(start_warm: StartWarm, what: str, exit_code: int) -> None:
    container = start_warm(MANY)
    assert container.wait(container.begin(what)) == exit_code
    assert container.state.report is None
    assert container.output("again") == "again"


def test_a_stop_reaches_the_code_and_not_the_container(start_warm: StartWarm) -> None:
    container = start_warm(MANY)
    execution_id = container.begin("wait")
    container.read_ready()
    container.stop(execution_id)
    assert container.wait(execution_id) == 143
    assert container.state.reports[execution_id] == ABORTED
    assert container.output("again") == "again"


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_module_that_took_sigterm_over_gets_it(start_warm: StartWarm, isolation: str) -> None:
    container = start_warm(
        """
        import signal, sys, time

        told = []
        signal.signal(signal.SIGTERM, lambda *_: told.append(1))

        def f(waits):
            print("ready", flush=True)
            while waits and not told:
                time.sleep(0.01)
            return told
        """,
        isolation=isolation,
    )
    assert container.output(False) == []
    container.read_ready()
    execution_id = container.begin(True)
    container.read_ready()
    if isolation == "fork":
        container.stop(execution_id)
    else:
        container.process.terminate()
        assert container.process.wait(20) == 143, "it takes no other"
    container.state.wait_until(lambda: execution_id in container.state.reports)
    assert container.state.reports[execution_id]["final_output"] == "[1]"


def test_what_does_not_heed_it_is_killed(start_warm: StartWarm) -> None:
    container = start_warm(MANY, grace=0.3)
    execution_id = container.begin("ignore")
    container.read_ready()
    container.stop(execution_id)
    assert container.wait(execution_id) == 137
    assert container.output("again") == "again"


def test_memory_that_an_execution_does_not_get_is_its_failure(start_warm: StartWarm) -> None:
    container = start_warm("""
        import resource

        def f(mib):
            resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
            return len(bytearray(mib << 20))
        """)
    assert container.report(1_024)["error_message"] == "MemoryError: "
    assert container.output(1) == 1 << 20


@pytest.mark.skipif(not can_limit_memory(), reason="this user may not limit memory")
def test_where_memory_runs_out_the_execution_is_killed_and_not_the_container(start_warm: StartWarm) -> None:
    container = start_warm("""
        def f(mib):
            held = [bytearray(b"x" * (1 << 20)) for _ in range(mib)]
            return [len(held), int(open("/proc/self/oom_score_adj").read())]
        """)
    own = int(Path(f"/proc/{container.process.pid}/oom_score_adj").read_text())
    assert container.output(1) == [1, 800]
    assert own < 800
    group = make_memory_group(f"warm-{container.process.pid}", 96 << 20)
    assert group is not None
    try:
        (group.folder / "cgroup.procs").write_text(str(container.process.pid))
        for waiting in left_by(container.process.pid):  # for its lease
            (group.folder / "cgroup.procs").write_text(waiting)
        for _ in range(2):
            assert container.wait(container.begin(200)) == 137
            assert container.output(2) == [2, 800]
        assert group.has_run_out()
        assert container.end()[2].count("(Killed by the kernel: there was no memory left in the container.)") == 2
    finally:
        group.remove()


@pytest.mark.parametrize("what", ["fork", "daemon", "close"])
def test_what_it_leaves_running_ends_with_it(start_warm: StartWarm, what: str) -> None:
    container = start_warm(MANY + WITHOUT_SPARE)
    for _ in range(2):
        assert container.output(what) == what
        assert left_by(container.process.pid) == []
    assert container.end()[0] == 0


def left_by(process_id: int) -> list[str]:
    """What runs beside a warm container, in its own process group or anywhere below it."""
    return Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()


def test_a_container_that_is_idle_ends_when_it_is_told(start_warm: StartWarm) -> None:
    container = start_warm(MANY)
    container.output()
    assert container.end()[0] == 0


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_sigterm_ends_one_that_is_idle(start_warm: StartWarm, isolation: str) -> None:
    container = start_warm(MANY, isolation=isolation)
    container.output()
    assert container.sigterm()[0] == 0


def test_sigterm_ends_one_that_still_imports(start_warm: StartWarm) -> None:
    container = start_warm("import time\nprint('ready', flush=True)\ntime.sleep(600)")
    container.read_ready()
    assert container.sigterm()[0] == 143


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_sigterm_is_passed_on_to_what_runs(start_warm: StartWarm, isolation: str) -> None:
    container = start_warm(MANY, isolation=isolation)
    execution_id = container.begin("wait")
    container.read_ready()
    container.sigterm()
    assert container.state.reports[execution_id] == ABORTED


def test_a_container_that_is_killed_takes_its_execution_along(start_warm: StartWarm, tmp_path: Path) -> None:
    container = start_warm("import os, time\ndef f():\n    print(os.getpid())\n    print('ready')\n    time.sleep(600)")
    container.begin()
    container.read_ready()
    (copy,) = left_by(container.process.pid)
    container.process.kill()
    container.process.wait()
    give_up = time.monotonic() + 10
    while os.path.exists(f"/proc/{copy}") and "\nState:\tZ" not in Path(f"/proc/{copy}/status").read_text():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_an_api_that_is_away_is_waited_for(start_warm: StartWarm) -> None:
    container = start_warm(MANY)
    container.state.faults.unavailable["POST /next"] = 2
    assert container.output("one") == "one"
    container.state.faults.unavailable["POST /next"] = 2
    assert container.output("two") == "two"


def test_a_lease_whose_answer_was_lost_is_run_once(start_warm: StartWarm) -> None:
    container = start_warm(MANY)
    container.state.faults.lost["POST /next"] = 1
    assert container.output("one") == "one"
    container.state.faults.lost["POST /next"] = 2
    assert container.output("two") == "two"
    assert len(container.state.starts) == 2


def test_where_no_folder_can_be_made_there_is_none(start_warm: StartWarm, temporary: Path) -> None:
    container = start_warm(MANY)
    assert container.output("one") == "one"
    temporary.rmdir()
    assert container.output("two") == "two"


def test_an_import_that_takes_too_long_ends_the_container_and_says_where_it_was(start_warm: StartWarm) -> None:
    container = start_warm("import time\n\ntime.sleep(600)", import_limit_seconds=0.3)
    code, _, stderr = container.end()
    assert code == IMPORT_TOOK_TOO_LONG
    assert 'main.py", line 3 in <module>' in stderr
    assert "(The import of the module took longer than 0.3 s: this container ends. Above: where it was.)" in stderr
    assert start_warm("import threading\n\ndef f(): return threading.active_count()").output() == 1


def test_a_launch_that_was_overtaken_runs_nothing(start_warm: StartWarm) -> None:
    container = start_warm("print('imported')\ndef f():\n    print('called')")
    container.state.starts.append("exe-" + "1".zfill(32))
    assert container.wait(container.begin()) == 1
    container.state.starts.clear()
    code, stdout, stderr = container.end()
    assert (code, "called" in stdout) == (0, False)
    assert "409: This execution has already started" in stderr
