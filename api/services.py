"""The services that routes use."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import HTTPConnection

from api.arguments import ArgumentChecks
from api.events.streams import EventStreams
from api.long_polls import LongPolls
from api.orchestration import Orchestrator
from api.results.service import Results
from api.shares import Shares
from api.turns import Turns, uploads
from api.warm_polls import WarmPolls
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.domain.costs import Prices
from control_plane_server.provisioners.contract import Provisioner
from control_plane_server.webhooks.addresses import AllowedAddresses
from control_plane_server.webhooks.targets import Targets

if TYPE_CHECKING:
    from control_plane_server.blobs.store import BlobStore
    from control_plane_server.telemetry.spans import Spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    root_keys: tuple[str, ...] = field(repr=False)
    database: Database
    orchestrator: Orchestrator
    provisioner: Provisioner
    long_polls: LongPolls
    event_streams: EventStreams
    results: Results
    warm_polls: WarmPolls
    secret_keys: SecretKeys = field(default_factory=SecretKeys, repr=False)
    webhook_targets: Targets = field(default_factory=lambda: Targets(AllowedAddresses()))
    arguments: ArgumentChecks = field(default_factory=ArgumentChecks)
    batch_bodies: Turns = field(default_factory=Turns)
    blobs: "BlobStore | None" = None  # None: there is no store
    uploads: Turns = field(default_factory=uploads)
    shares: Shares = field(default_factory=Shares)
    prices: Prices | None = None  # None: costs have no amounts
    spans: "Spans | None" = None  # where tracing is on
    workflows_url: str | None = None  # of the namespace's workflows in Temporal's Web UI; None: nobody has said where

    def history_url(self, workflow_id: str) -> str | None:
        """Where Temporal's Web UI shows a workflow."""
        return None if self.workflows_url is None else f"{self.workflows_url}/{quote(workflow_id, safe='')}"


def services_of(connection: HTTPConnection) -> Services:
    """The services that `create_app` was given."""
    services: Services = connection.app.state.services
    return services
