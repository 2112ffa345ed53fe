"""The `loop` process: composed here, run until SIGTERM or SIGINT."""

import gc

# What is imported is kept for good: to look through it meanwhile, again and again, is a sixth of a start.
gc.disable()

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
import uvloop
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.container_events import relay_container_events
from activities.delivery_starter import DeliveryStarter
from activities.messenger import Messenger
from activities.namespace import NamespacePreparation
from activities.pause_ends import PauseEnds
from activities.reconciliation.idle_slots import IdleSlots
from activities.warm.upkeep import WarmUpkeep
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.migrations.migrate import drop_everything, upgrade_to_head
from control_plane_server.catalog.notifications import (
    CONTAINERS_CHANNEL,
    EXECUTIONS_CHANNEL,
    PAUSES_CHANNEL,
    WEBHOOKS_CHANNEL,
    NotificationListener,
)
from control_plane_server.domain.errors import CatalogIsAway, NamespaceIsNotOurs
from control_plane_server.liveness.background import in_background
from control_plane_server.liveness.failures import report_unhandled
from control_plane_server.orchestration.connection import connect_temporal
from control_plane_server.orchestration.namespace_link import NamespaceLink
from control_plane_server.processes.arguments import process_parser
from control_plane_server.processes.connections import (
    open_blobs,
    open_container_events,
    open_database,
    open_provisioner,
    webhook_targets,
)
from control_plane_server.processes.temporal_workers import build_temporal_workers
from control_plane_server.provisioners.contract import Provisioner
from control_plane_server.telemetry.logs import configure_logs
from control_plane_server.telemetry.metrics import MetricsAreNotServed, serve_metrics, temporal_runtime
from control_plane_server.telemetry.tracing import TracingIsNotInstalled, record_spans
from control_plane_server.webhooks.sender import WebhookSender
from environment.loading import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans

gc.freeze()
gc.set_threshold(10_000)  # as a rule what is made for a request goes with it: a look at it is seldom worth its time
gc.enable()
logger = structlog.get_logger(__name__)

Result = TypeVar("Result")
Provisioning = Callable[[Settings], AbstractAsyncContextManager[Provisioner]]
_RETRY_SECONDS = 1.0


def main(provisioning: Provisioning = open_provisioner) -> None:
    """Console script `loop`.

    Exit status 2 if settings are missing or malformed, or Temporal and the catalog do not belong together.
    """
    parser = process_parser("loop", "Runs workflows and containers. Start as many as you like.")
    arguments = parser.parse_args()
    configure_logs()
    try:
        settings = load_settings(arguments.provisioner)
        with (
            record_spans(settings.tracing, service="control-plane-loop") as spans,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(_run(arguments, settings, spans, provisioning))
    except (SettingsError, MetricsAreNotServed, TracingIsNotInstalled, NamespaceIsNotOurs) as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(2)


async def _run(arguments: Namespace, settings: Settings, spans: "Spans | None", provisioning: Provisioning) -> None:
    """Serve until a signal comes; a signal during the start ends the start."""
    report_unhandled(asyncio.get_running_loop())
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    runtime = temporal_runtime(settings.metrics.of_loop)
    database = open_database(settings.postgres)
    try:
        async with serve_metrics(settings.metrics.of_loop, database):
            await _work(
                arguments,
                settings,
                database=database,
                provisioning=provisioning,
                runtime=runtime,
                spans=spans,
                stopping=stopping,
            )
    finally:
        await database.close()


async def _work(
    arguments: Namespace,
    settings: Settings,
    *,
    database: Database,
    provisioning: Provisioning,
    runtime: Runtime | None,
    spans: "Spans | None",
    stopping: asyncio.Event,
) -> None:
    starting = asyncio.create_task(_start(arguments, database, runtime))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        return
    client, link = starting.result()
    blobs = open_blobs(settings)
    channels = (EXECUTIONS_CHANNEL, CONTAINERS_CHANNEL, PAUSES_CHANNEL, WEBHOOKS_CHANNEL)
    listener = NotificationListener(database.url, channels)
    messenger = Messenger(client, database, spans=spans)
    idle_slots = IdleSlots(database=database, messenger=messenger)
    pause_ends = PauseEnds(database=database, listener=listener, idle_slots=idle_slots)
    starter = DeliveryStarter(client=client, database=database, listener=listener)
    sender = WebhookSender(targets=webhook_targets(settings.control_plane))
    async with (
        provisioning(settings) as provisioner,
        open_container_events(settings) as events,
        WarmUpkeep(
            database=database, provisioner=provisioner, signing_key=settings.control_plane.root_keys[0]
        ) as upkeep,
    ):

        def temporal_workers() -> tuple[Worker, ...]:
            return build_temporal_workers(
                client,
                link=link,
                database=database,
                provisioner=provisioner,
                listener=listener,
                messenger=messenger,
                idle_slots=idle_slots,
                settings=settings.control_plane,
                upkeep=upkeep,
                starter=starter,
                sender=sender,
                spans=spans,
                blobs=blobs,
            )

        async with (
            listener,
            relay_container_events(events, database, heard=provisioner.rely_on_events),
            in_background("temporal link", link.watch),
        ):
            logger.info("loop_runs", provisioner=arguments.provisioner)
            await _work_while_linked(temporal_workers, starter, pause_ends, link, stopped)
            logger.info("loop_stops")
    if arguments.delete_tables:
        await drop_everything(database)


async def _work_while_linked(
    temporal_workers: Callable[[], tuple[Worker, ...]],
    starter: DeliveryStarter,
    pause_ends: PauseEnds,
    link: NamespaceLink,
    stopped: "asyncio.Task[bool]",
) -> None:
    """Until stopped. While the namespace is not ours no Temporal worker runs: it may belong to another installation,
    whose invocations would be ended."""
    while not stopped.done():
        invocations, control, webhooks = temporal_workers()
        async with (
            control,
            webhooks,
            invocations,
            in_background("webhooks", starter.watch),
            in_background("ends of pauses", pause_ends.watch),
        ):
            await _wait_for_first(stopped, link.wait_until(matches=False))
        if not stopped.done():
            logger.error("loop_rests", advice=link.problem)
            await _wait_for_first(stopped, link.wait_until(matches=True))
            logger.warning("loop_goes_on")


async def _wait_for_first(stopped: "asyncio.Task[bool]", other: Coroutine[Any, Any, None]) -> None:
    waiting = asyncio.create_task(other)
    await asyncio.wait((stopped, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _start(arguments: Namespace, database: Database, runtime: Runtime | None) -> tuple[Client, NamespaceLink]:
    """Everything that the Temporal workers need, each waited for as long as it takes. Raises NamespaceIsNotOurs."""
    if arguments.create_tables:
        await _wait_until_available("catalog", lambda: upgrade_to_head(database), CatalogIsAway)
    client = await _wait_until_available("temporal", lambda: connect_temporal(runtime=runtime), RuntimeError)
    link = NamespaceLink(client, database, prepare=NamespacePreparation())
    await _wait_until_available("catalog and temporal", link.check, RPCError, TimeoutError, CatalogIsAway)
    return client, link


async def _wait_until_available(
    name: str, attempt: Callable[[], Awaitable[Result]], *errors: type[Exception]
) -> Result:
    while True:
        try:
            return await attempt()
        except errors as error:
            reason = str(error) or type(error).__name__
            logger.warning("waiting", for_=name, reason=reason, retry_seconds=_RETRY_SECONDS)
            await asyncio.sleep(_RETRY_SECONDS)


if __name__ == "__main__":
    main()
