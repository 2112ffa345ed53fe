"""The stack of the fault suite with containers as processes, for whoever does other things to it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from environment.provisioner_names import ProvisionerName
from tests.chaos.ledger import Ledger
from tests.chaos.platforms import open_platform
from tests.chaos.stack import ChaosStack, chaos_stack


@asynccontextmanager
async def process_stack(
    path: Path,
    ledger: Ledger,
    *,
    api_keys: str | None = None,
    loop_environments: Sequence[Mapping[str, str]] = ({}, {}),
) -> AsyncIterator[ChaosStack]:
    """As `chaos_stack`, containers included."""
    async with (
        open_platform(ProvisionerName.PROCESS, path) as platform,
        chaos_stack(path, platform, ledger, api_keys=api_keys, loop_environments=loop_environments) as stack,
    ):
        yield stack
