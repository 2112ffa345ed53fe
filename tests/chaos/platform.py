"""What runs the containers, and what it knows of them by itself: the catalog's records are held against that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from control_plane_server.domain.identifiers import ExecutionId
from environment.provisioner_names import ProvisionerName
from tests.chaos.ledger import Ledger
from tests.chaos.plan import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """How many containers each execution has had, and how many of those infrastructure has taken away."""

    launches: Mapping[ExecutionId, int]
    losses: Mapping[ExecutionId, int]


class Platform(Protocol):
    """`environment`: what servers need to use it. `image`: the name of that with the functions of the suite."""

    @property
    def provisioner(self) -> ProvisionerName: ...
    @property
    def environment(self) -> Mapping[str, str]: ...
    @property
    def image(self) -> str: ...

    async def live(self) -> Mapping[ExecutionId, datetime | None]:
        """Executions that have a container at this moment.

        With the time since when, if one that was given up may still come later; None if that is impossible.
        """

    async def until_launch(self, loop: int) -> None:
        """Until this process is just launching a container, as far as can be seen."""

    async def strike(self, fault: Fault, ledger: Ledger) -> bool:
        """One of the platform's own faults. False if there is nothing to strike at this moment."""

    async def calm(self, ledger: Ledger) -> None:
        """No further trouble, and what there was goes into the ledger."""

    async def traces(self, notes: Path) -> Traces:
        """`notes`: of the functions, on their runs."""

    async def violations(self) -> Sequence[str]:
        """What must not have happened to containers, whatever the catalog says of them."""

    async def remains(self) -> Sequence[str]:
        """All that still runs."""
