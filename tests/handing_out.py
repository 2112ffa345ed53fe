"""Pytest plugin: how the tests of a run are handed out to its processes.

Tests that share a stack go to one process, so that it is started once, and the longest go first, so that the processes
end together. Whatever is not named here goes by its file.
"""

import re

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_PLATFORM = re.compile(r"[\[-](process|ecs)[\]-]")
_OF_THEIR_OWN = ("tests/docs/test_pages.py", "tests/cli/test_stack.py", "tests/cli/test_demo.py")
_ON_ONE_STACK = ("tests/ecs", "tests/observability")
_AT_HOME = tuple(
    f"tests/cli/test_{name}.py" for name in ("doctor", "interruptions", "logins", "mistakes", "quickstart")
)

# Seconds on two processors, measured: of what takes longer than ten.
SECONDS = {
    "tests/ecs": 200,
    "tests/e2e on ecs": 186,
    "tests/hostile/test_document.py": 146,
    "tests/e2e on process": 142,
    "tests/cli at home": 111,
    "tests/chaos/test_processes.py": 75,
    "tests/simulation/test_simulation.py": 70,
    "tests/capacity/test_queue.py": 59,
    "tests/chaos/test_ecs.py": 53,
    "tests/resilience/test_away_and_back.py": 53,
    "tests/resilience/test_rolling_restart.py": 52,
    "tests/observability": 47,
    "tests/hostile/test_slow_clients.py": 34,
    "tests/api/test_process.py": 31,
    "tests/resilience/test_another_temporal.py": 30,
    "tests/activities/test_container_watch.py": 25,
    "tests/provisioners/ecs/test_logs.py": 24,
    "tests/cli/test_stack.py::test_next_start_takes_over_what_a_killed_stack_left": 22,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[quickstart.md]": 22,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[README.md]": 21,
    "tests/provisioners/ecs/test_preparations.py": 21,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[events.md]": 20,
    "tests/resilience/test_clocks.py": 17,
    "tests/misbehaviour/test_process.py": 17,
    "tests/hostile/test_greedy_tokens.py": 16,
    "tests/cli/test_demo.py::test_the_whole_demo": 16,
    "tests/catalog/test_plans.py": 15,
    "tests/cli/test_stack.py::test_dead_servers_are_started_again": 15,
    "tests/cli/test_stack.py::test_two_stacks_side_by_side": 13,
    "tests/api/test_event_processes.py": 13,
    "tests/catalog/test_slots.py": 13,
    "tests/workflows/test_invocation.py": 13,
    "tests/capacity/test_deletion.py": 13,
    "tests/capacity/test_cancellation.py": 12,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[command-line.md]": 12,
    "tests/hostile/test_bounds.py": 11,
    "tests/catalog/test_silence.py": 11,
    "tests/provisioners/ecs/test_launches.py": 11,
    "tests/environment/test_incomplete_settings.py": 10,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[commands.md]": 10,
    "tests/api/test_long_polls.py": 10,
    "tests/api/test_slow_logs.py": 10,
    # On a Docker engine.
    "tests/docker/test_one_server_page.py": 100,
    "tests/e2e/test_stops.py": 60,
    "tests/e2e/test_events.py": 30,
    "tests/e2e/test_lifecycle.py": 30,
    "tests/e2e/test_commands.py": 20,
}


def unit_of(node: str) -> str:
    """What is handed out as one."""
    file, _, name = node.partition("::")
    folder = file.rpartition("/")[0]
    if file in _OF_THEIR_OWN:
        return node
    if file in _AT_HOME:
        return "tests/cli at home"
    if folder in _ON_ONE_STACK:
        return folder
    if file == "tests/e2e/test_temporal_page.py":  # its last test asks what the others have tried
        return "tests/e2e on process"
    if folder == "tests/e2e" and (platform := _PLATFORM.search(name)):
        return f"tests/e2e on {platform[1]}"
    return file


class LongestFirst(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LongestFirst:
    return LongestFirst(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    units = {item: unit_of(item.nodeid) for item in items}
    first = {unit: number for number, unit in reversed(list(enumerate(dict.fromkeys(units.values()))))}
    items.sort(key=lambda item: (-SECONDS.get(units[item], 0), first[units[item]]))
