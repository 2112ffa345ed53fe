"""While a container is idle, a copy is there that waits for its lease, is used once, and outlives nobody."""

import time
from collections.abc import Callable
from typing import TypeVar

import psutil
import pytest

from tests.sdk.warm.conftest import StartWarm, WarmContainer

Found = TypeVar("Found")

SOURCE = """
import os

def f(what=None):
    return os.getpid()
"""
THREAD = """
import threading, time

threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


def until(find: Callable[[], Found | None]) -> Found:
    give_up = time.monotonic() + 20
    while not (found := find()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return found


def spare_of(container: WarmContainer, *, besides: int | None = None) -> psutil.Process:
    def find() -> psutil.Process | None:
        living = [child for child in psutil.Process(container.process.pid).children() if is_alive(child)]
        return next((child for child in living if child.pid != besides), None)

    return until(find)


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def has_ended(process: psutil.Process) -> bool:
    try:
        return not is_alive(process)
    except psutil.NoSuchProcess:
        return True


def test_each_execution_has_the_copy_that_waited_for_it_and_none_has_it_twice(start_warm: StartWarm) -> None:
    container = start_warm(SOURCE)
    first = spare_of(container)
    assert container.output() == first.pid
    second = spare_of(container, besides=first.pid)
    assert container.output() == second.pid
    assert has_ended(first)


def test_one_that_has_died_is_done_without(start_warm: StartWarm) -> None:
    container = start_warm(SOURCE)
    spare = spare_of(container)
    spare.kill()
    until(lambda: has_ended(spare))
    assert container.output() != spare.pid
    assert container.output() != spare.pid


def test_what_a_thread_of_the_module_changes_is_found_as_it_is_at_the_lease(start_warm: StartWarm) -> None:
    container = start_warm(THREAD + SOURCE)
    container.state.wait_until(lambda: "POST /containers/con-1/next" in container.state.requests)
    assert container.output()
    assert psutil.Process(container.process.pid).children() == []
    assert container.output()


@pytest.mark.parametrize("how", ["told", "sigterm", "kill"])
def test_it_does_not_outlive_its_container(start_warm: StartWarm, how: str) -> None:
    container = start_warm(SOURCE)
    spare = spare_of(container)
    match how:
        case "told":
            assert container.end()[0] == 0
        case "sigterm":
            assert container.sigterm()[0] == 0
        case _:
            container.process.kill()
            container.process.wait()
    until(lambda: has_ended(spare))
