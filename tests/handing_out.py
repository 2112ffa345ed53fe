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
    "tests/e2e on process": 206,
    "tests/e2e on ecs": 135,
    "tests/ecs": 130,
    "tests/docs on one stack": 90,
    "tests/observability": 88,
    "tests/cli at home": 79,
    "tests/capacity/test_queue.py": 66,
    "tests/client": 65,
    "tests/simulation/test_simulation.py": 57,
    "tests/hostile": 54,
    "tests/resilience/test_away_and_back.py": 50,
    "tests/provisioners/ecs/test_logs.py": 47,
    "tests/console": 43,
    "tests/chaos/test_ecs.py": 40,
    "tests/simulation/warm/test_warm_simulation.py": 38,
    "tests/api/test_process.py": 37,
    "tests/chaos/test_processes.py": 36,
    "tests/resilience/test_rolling_restart.py": 35,
    "tests/catalog/test_slots.py": 35,
    "tests/release/test_release.py": 32,
    "tests/cli/test_day_after.py": 30,
    "tests/resilience/test_another_temporal.py": 28,
    "tests/cli/test_hostile_environments.py": 27,
    "tests/catalog/test_plans.py": 25,
    "tests/api/test_event_processes.py": 25,
    "tests/requirements/test_install.py": 24,
    "tests/cli/test_demo.py::test_the_whole_demo": 23,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[quickstart.md]": 22,
    "tests/provisioners/ecs/test_probe.py": 22,
    "tests/capacity/test_cancellation.py": 21,
    "tests/provisioners/ecs/test_preparations.py": 20,
    "tests/resilience/test_clocks.py": 19,
    "tests/docs/test_pages.py::test_a_page_can_be_followed[README.md]": 19,
    "tests/published_client/test_published_client.py": 19,
    "tests/catalog/test_migrations.py": 19,
    "tests/catalog/test_list_plans.py": 18,
    "tests/provisioners/ecs/test_tasks.py": 18,
    "tests/provisioners/test_process_containers.py": 17,
    "tests/provisioners/ecs/test_launches.py": 17,
    "tests/catalog/test_execution_states.py": 17,
    "tests/cli/test_stack.py::test_two_stacks_side_by_side_and_a_folder_that_is_watched": 15,
    "tests/misbehaviour/test_process.py": 14,
    "tests/capacity/test_deletion.py": 13,
    "tests/cli/test_stack.py::test_a_stop_spends_no_attempt_and_waits_for_jobs_if_it_is_told_to": 13,
    "tests/sdk/test_children.py": 13,
    "tests/aws/test_containers.py": 12,
    "tests/cli/test_stack.py::test_dead_servers_are_started_again_and_a_second_signal_hurries_a_stop": 11,
    "tests/cli/test_secrets.py": 11,
    "tests/provisioners/ecs/test_platforms.py": 11,
    "tests/replay/test_replay.py": 11,
    "tests/activities/test_container_watch.py": 20,
    "tests/sdk/warm/test_ends.py": 15,
    "tests/sdk/test_typing.py": 12,
    "tests/misbehaviour/test_warm.py": 10,
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
