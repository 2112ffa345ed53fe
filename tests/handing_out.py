"""Pytest plugin: how the tests of a run are handed out to its processes.

Tests that share a stack go to one process, so that it is started once, and the longest go first, so that the processes
end together. Whatever is not named here goes by its file.
"""

import re

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_PLATFORM = re.compile(r"[\[-](process|ecs)[\]-]")
_OF_THEIR_OWN = ("tests/docs/test_pages.py", "tests/cli/test_stack.py", "tests/cli/test_demo.py")
_ON_ONE_STACK = ("tests/client", "tests/console", "tests/ecs", "tests/hostile", "tests/observability")
_AT_HOME = tuple(
    f"tests/cli/test_{name}.py"
    for name in ("doctor", "init", "interruptions", "logins", "map", "mistakes", "quickstart", "webhooks")
)

# About how many seconds it takes, of what takes longer than ten.
SECONDS = {
    "tests/cli at home": 180,
    "tests/ecs": 143,
    "tests/e2e on ecs": 155,
    "tests/e2e on process": 155,
    "tests/capacity/test_queue.py": 50,
    "tests/chaos/test_ecs.py": 74,
    "tests/simulation/test_simulation.py": 40,
    "tests/simulation/warm/test_warm_simulation.py": 45,
    "tests/resilience/test_rolling_restart.py": 67,
    "tests/docs on one stack": 60,
    "tests/client": 55,
    "tests/console": 60,
    "tests/observability": 51,
    "tests/resilience/test_away_and_back.py": 62,
    "tests/chaos/test_processes.py": 45,
    "tests/api/test_process.py": 15,
    "tests/provisioners/ecs/test_preparations.py": 38,
    "tests/published_client/test_published_client.py": 36,
    "tests/misbehaviour/test_process.py": 12,
    "tests/misbehaviour/test_warm.py": 10,
    "tests/capacity/test_deletion.py": 33,
    "tests/resilience/test_another_temporal.py": 29,
    "tests/provisioners/ecs/test_logs.py": 28,
    "tests/cli/test_hostile_environments.py": 26,
    "tests/requirements/test_install.py": 24,
    "tests/release/test_release.py": 24,
    "tests/resilience/test_clocks.py": 24,
    "tests/catalog/test_plans.py": 17,
    "tests/activities/test_container_watch.py": 20,
    "tests/api/test_event_processes.py": 20,
    "tests/cli/test_demo.py::test_the_whole_demo": 19,
    "tests/cli/test_stack.py::test_two_stacks_side_by_side_and_a_folder_that_is_watched": 30,
    "tests/capacity/test_cancellation.py": 19,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[quickstart.md]": 19,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[README.md]": 20,
    "tests/cli/test_stack.py::test_a_stop_spends_no_attempt_and_waits_for_jobs_if_it_is_told_to": 21,
    "tests/cli/test_stack.py::test_dead_servers_are_started_again_and_a_second_signal_hurries_a_stop": 18,
    "tests/sdk/test_typing.py": 12,
    "tests/sdk/warm/test_ends.py": 15,
    "tests/provisioners/ecs/test_tasks.py": 12,
    "tests/provisioners/ecs/test_launches.py": 10,
    "tests/provisioners/ecs/test_probe.py": 15,
    # On a Docker engine.
    "tests/docker/test_one_server_page.py": 100,
    "tests/e2e/test_stops.py": 60,
    "tests/e2e/test_events.py": 30,
    "tests/e2e/test_lifecycle.py": 30,
    "tests/e2e/test_commands.py": 20,
    "tests/e2e/test_warm.py": 20,
    "tests/e2e/test_warm_containers.py": 25,
    "tests/e2e/test_warm_logs.py": 15,
}


def unit_of(node: str) -> str:
    """What is handed out as one."""
    file, _, name = node.partition("::")
    folder = file.rpartition("/")[0]
    if name.startswith("test_a_page_can_be_followed_on_a_stack"):
        return "tests/docs on one stack"
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
