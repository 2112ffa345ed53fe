"""The `loop` process: composed here, run until SIGTERM or SIGINT."""

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeVar

import structlog
import uvloop
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from activities.schedule import schedule_reconciliation
from activities.search_attributes import register_search_attributes
from activities.worker_events import relaying
from activities.workers import build_workers
from catalog.database import Database
from catalog.migrations.migrate import drop_everything, upgrade_to_head
from catalog.notifications import EXECUTIONS_CHANNEL, WORKERS_CHANNEL, NotificationListener
from domain.errors import CatalogIsAway, Misconfigured
from environment.arguments import process_parser
from environment.composition import open_database, open_provisioner, open_worker_events
from environment.loading import Settings, SettingsError, load_settings
from environment.logs import configure_logs
from environment.metrics import MetricsAreNotServed, serving_metrics, temporal_runtime
from environment.temporal import connect_temporal
from environment.tracing import TracingIsNotInstalled, recording_spans
from liveness.failures import hear_unheard
from provisioners.contract import Provisioner

if TYPE_CHECKING:
    from environment.spans import Spans

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")
Provisioning = Callable[[Settings], AbstractAsyncContextManager[Provisioner]]
_RETRY_SECONDS = 1.0


def main(provisioning: Provisioning = open_provisioner) -> None:
    """Console script `loop`. Exit status 2 if settings are missing or malformed."""
    parser = process_parser("loop", "Runs workflows and containers. Start as many as you like.")
    arguments = parser.parse_args()
    configure_logs()
    try:
        settings = load_settings(arguments.provisioner)
        with (
            recording_spans(settings.tracing, service="control-plane-loop") as spans,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(_run(arguments, settings, spans, provisioning))
    except (SettingsError, MetricsAreNotServed, TracingIsNotInstalled) as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(2)


async def _run(arguments: Namespace, settings: Settings, spans: "Spans | None", provisioning: Provisioning) -> None:
    """Serve until a signal comes; a signal during the start ends the start."""
    hear_unheard(asyncio.get_running_loop())
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    runtime = temporal_runtime(settings.metrics.of_loop)
    database = open_database(settings.postgres)
    try:
        async with serving_metrics(settings.metrics.of_loop, database):
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
    listener = NotificationListener(database.url, (EXECUTIONS_CHANNEL, WORKERS_CHANNEL))
    async with provisioning(settings) as provisioner, open_worker_events(settings) as events:
        invocations, control = build_workers(
            starting.result(),
            database=database,
            provisioner=provisioner,
            listener=listener,
            settings=settings.control_plane,
            spans=spans,
        )
        async with listener, relaying(events, database), control, invocations:
            logger.info("loop_runs", provisioner=arguments.provisioner)
            await stopped
            logger.info("loop_stops")
    if arguments.delete_tables:
        await drop_everything(database)


async def _start(arguments: Namespace, database: Database, runtime: Runtime | None) -> Client:
    """Everything that the workers need, each waited for as long as it takes."""
    if arguments.create_tables:
        await _when_there("catalog", lambda: upgrade_to_head(database), CatalogIsAway)
    client = await _when_there("temporal", lambda: connect_temporal(runtime=runtime), RuntimeError)
    try:
        await _when_there("temporal", lambda: register_search_attributes(client), RPCError)
    except Misconfigured as error:
        logger.error("search_attributes_are_missing", advice=str(error))  # works as soon as someone has run it
    await _when_there("temporal", lambda: schedule_reconciliation(client), RPCError)
    return client


async def _when_there(name: str, attempt: Callable[[], Awaitable[Result]], away: type[Exception]) -> Result:
    while True:
        try:
            return await attempt()
        except away as error:
            logger.warning("waiting", for_=name, reason=str(error), retry_seconds=_RETRY_SECONDS)
            await asyncio.sleep(_RETRY_SECONDS)


if __name__ == "__main__":
    main()
