"""Opens what the containers of a run are to run on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from environment.provisioner_names import ProvisionerName
from tests.chaos.platform import Platform
from tests.chaos.processes import processes
from tests.chaos.tasks import tasks

_FUNCTIONS = Path(__file__).parent / "functions"


@asynccontextmanager
async def open_platform(provisioner: ProvisionerName, data_dir: Path) -> AsyncIterator[Platform]:
    match provisioner:
        case ProvisionerName.PROCESS:
            async with processes(data_dir, _FUNCTIONS) as platform:
                yield platform
        case ProvisionerName.ECS:
            async with tasks(_FUNCTIONS) as platform:
                yield platform
