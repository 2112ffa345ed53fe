"""Whether the Temporal namespace in the settings is the one that works for this catalog.

Each knows the other by an identity: the catalog notes the namespace's id, the namespace's schedule the installation's.
Only in the right namespace does it mean anything that a workflow is unknown: in another one all of them are.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog
from prometheus_client import Gauge
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.installation import Installation, InstallationRepository
from control_plane_server.domain.errors import CatalogIsAway, Misconfigured, NamespaceIsNotOurs
from workflows.schedule import find_schedule

logger = structlog.get_logger(__name__)

MATCHES = Gauge(
    "control_plane_temporal_namespace_matches",
    "Whether the Temporal namespace is the one that works for this catalog: 1 or 0.",
)

# What the processes do with a namespace of theirs after each comparison, and so before they first use it.
Prepare = Callable[[Client, Installation], Awaitable[None]]

# How soon a replaced namespace is noticed, by a few short calls per process; the second: how soon, that it is ours
# again.
CHECK_INTERVAL = timedelta(seconds=10)
_RECHECK_INTERVAL = timedelta(seconds=2)
# For one comparison, the client's own retries included.
_PATIENCE = timedelta(seconds=10)


class NamespaceLink:
    """The result of the last comparison of catalog and namespace, which `watch` repeats."""

    def __init__(
        self,
        client: Client,
        database: Database,
        *,
        prepare: Prepare | None = None,
        interval: timedelta = CHECK_INTERVAL,
    ) -> None:
        """`prepare`: makes what is missing in the namespace while it is ours; None: another process does that."""
        self._client = client
        self._database = database
        self._prepare = prepare
        self._interval = interval
        self._problem: str | None = None
        self._changed = asyncio.Event()
        MATCHES.set(1)

    @property
    def problem(self) -> str | None:
        """Why this namespace must not be used, in one line; None if it may, as far as is known."""
        return self._problem

    async def check(self) -> None:
        """Compare once.

        Raises NamespaceIsNotOurs; RPCError, RuntimeError or CatalogIsAway if Temporal or the catalog does not answer.
        """
        try:
            installation = await compare(self._client, self._database, may_link=self._prepare is not None)
        except NamespaceIsNotOurs as error:
            self._note(str(error))
            raise
        if self._prepare is not None:
            await self._prepare(self._client, installation)
        self._note(None)

    async def check_if_there(self, *, patience: timedelta) -> None:
        """Compare once; without an answer within `patience`, leave the last result as it is. Raises
        NamespaceIsNotOurs."""
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await self.check()
        except (RPCError, RuntimeError, TimeoutError, CatalogIsAway) as error:
            logger.info("temporal_namespace_is_not_compared", reason=str(error) or type(error).__name__)

    async def watch(self) -> None:
        """Compare again and again, until cancelled, and log each change. A comparison without an answer changes
        nothing."""
        logged = self._problem
        while True:
            interval = self._interval if self._problem is None else min(self._interval, _RECHECK_INTERVAL)
            await asyncio.sleep(interval.total_seconds())
            with suppress(NamespaceIsNotOurs):
                await self.check_if_there(patience=_PATIENCE)
            if self._problem != logged:
                logged = self._problem
                _log_change(logged)

    async def wait_until(self, *, matches: bool) -> None:
        """Wait until the last comparison has this result."""
        while (self._problem is None) is not matches:
            self._changed.clear()
            await self._changed.wait()

    def _note(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        self._changed.set()
        MATCHES.set(0 if problem else 1)


def _log_change(problem: str | None) -> None:
    if problem is None:
        logger.warning("temporal_namespace_is_ours_again")
    else:
        logger.error("temporal_namespace_is_not_ours", advice=problem)


async def compare(client: Client, database: Database, *, may_link: bool) -> Installation:
    """The installation, if the namespace works for it.

    `may_link`: links a catalog that has no namespace with this one, if that works for no other catalog. Raises
    NamespaceIsNotOurs, RPCError, CatalogIsAway.
    """
    async with database.statement() as connection:
        repository = InstallationRepository(connection)
        installation = await repository.read()
        is_first = installation.namespace_id is None and may_link
        has_work = is_first and await repository.has_work_under_way()
    namespace_id = await find_namespace_id(client)
    if namespace_id is None:
        if installation.namespace_id is None:
            raise RPCError(f"Namespace {client.namespace} is not found", RPCStatusCode.NOT_FOUND, b"")
        raise _not_ours(client, "does not exist, and this catalog has worked with one", may_be_lost=True)
    schedule = await find_schedule(client)
    if schedule is not None and schedule.installation_id not in (None, installation.installation_id):
        raise _not_ours(client, "works for another catalog", may_be_lost=False)
    if installation.namespace_id not in (None, namespace_id) or (has_work and schedule is None):
        raise _not_ours(client, "is not the one that this catalog has worked with", may_be_lost=True)
    if installation.namespace_id is None and may_link:
        async with database.statement() as connection:
            await InstallationRepository(connection).link_first(namespace_id)
    return installation


async def adopt_namespace(client: Client, database: Database) -> None:
    """Make the namespace this catalog's, in place of the one that it has worked with.

    Raises NamespaceIsNotOurs if it works for another catalog; Misconfigured, RPCError, CatalogIsAway.
    """
    async with database.statement() as connection:
        installation = await InstallationRepository(connection).read()
    namespace_id = await find_namespace_id(client)
    if namespace_id is None:
        raise Misconfigured(f"{_name_of(client)} does not exist: make it, or set TEMPORAL_NAMESPACE")
    schedule = await find_schedule(client)
    if schedule is not None and schedule.installation_id not in (None, installation.installation_id):
        raise NamespaceIsNotOurs(
            f"{_name_of(client)} works for another catalog; only if that is gone for good, delete its schedule "
            "`reconciliation` and try again"
        )
    async with database.statement() as connection:
        await InstallationRepository(connection).link_instead(namespace_id)


async def find_namespace_id(client: Client) -> str | None:
    """Temporal's own id of the client's namespace; None if there is no such namespace. Raises RPCError."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        return (await client.workflow_service.describe_namespace(request)).namespace_info.id
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def _name_of(client: Client) -> str:
    return f"The Temporal namespace {client.namespace!r} at {client.service_client.config.target_host}"


def _not_ours(client: Client, finding: str, *, may_be_lost: bool) -> NamespaceIsNotOurs:
    advice = "set TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and POSTGRES_* so that they belong together"
    if may_be_lost:
        advice += "; if Temporal's state was lost or moved, run: control-plane adopt-namespace"
    return NamespaceIsNotOurs(f"{_name_of(client)} {finding}: {advice}")
