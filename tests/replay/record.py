"""Records the histories that are missing: `make record`, after adding a scenario.

A history that was released is never recorded again: it stands for workflows that run somewhere.
"""

import asyncio
import re
import sysconfig
from datetime import UTC, datetime
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import register_search_attributes
from control_plane_server.orchestration.payloads import data_converter
from tests.replay.scenarios import SCENARIOS
from tests.workflows.scripted_invocations import InvocationStarter

HISTORIES = Path(__file__).parent / "histories"
# It names folders of the machine, and replay does not look at it.
_STACK = re.compile(r'"stackTrace": "(?:[^"\\]|\\.)*"')


async def record() -> None:
    missing = [scenario for scenario in SCENARIOS if not history_file(scenario.__name__).exists()]
    temporal = str(Path(sysconfig.get_path("scripts")) / "temporal")
    async with await WorkflowEnvironment.start_local(
        data_converter=data_converter, dev_server_existing_path=temporal
    ) as environment:
        await register_search_attributes(environment.client)
        start_invocation = InvocationStarter(environment.client, _now)
        for scenario in missing:
            history = await (await scenario(start_invocation)).fetch_history()
            history_file(scenario.__name__).write_text(_STACK.sub('"stackTrace": ""', history.to_json()) + "\n")
            print(f"recorded {scenario.__name__}: {len(history.events)} events")  # noqa: T201
    print(f"{len(missing)} recorded, {len(SCENARIOS) - len(missing)} kept")  # noqa: T201
    await asyncio.sleep(0.5)  # an exit while the SDK's threads still let go of Python objects aborts the interpreter


def history_file(scenario: str) -> Path:
    return HISTORIES / f"{scenario}.json"


async def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    asyncio.run(record())
