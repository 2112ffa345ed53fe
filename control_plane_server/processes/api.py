"""The `api` process: composed here, served until SIGTERM or SIGINT."""

import gc

# What is imported is kept for good: to look through it meanwhile, again and again, is a sixth of a start.
gc.disable()

import asyncio
import ipaddress
import signal
import sys
from argparse import Namespace
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from api.app import create_app
from api.connections import BoundedProtocol
from api.server import DrainingServer
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.migrations.migrate import drop_everything, upgrade_to_head
from control_plane_server.domain.errors import CatalogIsAway, NamespaceIsNotOurs
from control_plane_server.liveness.background import in_background
from control_plane_server.liveness.failures import report_unhandled
from control_plane_server.processes.api_services import open_services
from control_plane_server.processes.arguments import process_parser
from control_plane_server.telemetry.logs import configure_logs
from control_plane_server.telemetry.metrics import MetricsAreNotServed, serve_metrics, temporal_runtime
from control_plane_server.telemetry.tracing import TracingIsNotInstalled, record_spans
from environment.loading import Settings, SettingsError, load_settings
from environment.provisioner_names import ProvisionerName

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans

gc.freeze()
gc.set_threshold(10_000)  # as a rule what is made for a request goes with it: a look at it is seldom worth its time
gc.enable()
logger = structlog.get_logger(__name__)

_DEFAULT_PORT = 5000
_RETRY_PAUSE = timedelta(seconds=1)
# Longer than a comparison takes. Without Temporal and the catalog the process starts all the same.
_LINK_PATIENCE = timedelta(seconds=2)
# What a request may still take after SIGTERM; long polls are answered at once.
_SHUTDOWN_PATIENCE = timedelta(seconds=10)


def main() -> None:
    """Console script `api`.

    Exit status 2 if arguments or settings are missing or malformed, or Temporal and the catalog do not belong together.
    """
    parser = process_parser("api", "Serves the REST API. Start as many as you like.")
    parser.add_argument("--host", help="where to listen; by default everywhere, with `process` on loopback alone")
    parser.add_argument("--port", type=int, default=_DEFAULT_PORT)
    arguments = parser.parse_args()
    if arguments.provisioner is ProvisionerName.PROCESS and not _is_loopback(arguments.host or "localhost"):
        _refuse(
            "--host: the process provisioner runs users' code on this machine, so the API listens on loopback alone"
        )
    configure_logs()
    try:
        settings = load_settings(arguments.provisioner)
    except SettingsError as error:
        _refuse(str(error))
    try:
        with (
            record_spans(settings.tracing, service="control-plane-api") as spans,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(_serve(arguments, settings, spans))
    except (SettingsError, MetricsAreNotServed, TracingIsNotInstalled, NamespaceIsNotOurs) as error:
        _refuse(str(error))


def _refuse(problem: str) -> NoReturn:
    print(problem, file=sys.stderr)  # noqa: T201
    sys.exit(2)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _default_host(provisioner: ProvisionerName) -> str:
    return "127.0.0.1" if provisioner is ProvisionerName.PROCESS else "0.0.0.0"


async def _serve(arguments: Namespace, settings: Settings, spans: "Spans | None") -> None:
    report_unhandled(asyncio.get_running_loop())
    metrics = settings.metrics.of_api
    async with (
        open_services(settings, runtime=temporal_runtime(metrics), spans=spans) as services,
        serve_metrics(metrics, services.database),
        in_background("temporal link", services.orchestrator.link.watch),
    ):
        await services.orchestrator.link.check_if_there(patience=_LINK_PATIENCE)
        config = server_config(
            create_app(services, has_console=settings.control_plane.console),
            host=arguments.host or _default_host(arguments.provisioner),
            port=arguments.port,
            keep_alive_seconds=settings.control_plane.keep_alive_seconds,
        )
        server = DrainingServer(config)

        def stop() -> None:
            server.should_exit = True
            services.long_polls.stop()
            services.event_streams.stop()
            services.results.stop()
            services.warm_polls.stop()

        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop)
        async with asyncio.TaskGroup() as tasks:
            # Beside the server, not before it, so that health checks are answered while PostgreSQL is still away.
            migration = tasks.create_task(_create_tables(services.database)) if arguments.create_tables else None
            await server.run_on(config.bind_socket())
            if migration is not None:
                migration.cancel()
        if arguments.delete_tables:
            await drop_everything(services.database)


def server_config(app: FastAPI, *, host: str, port: int, keep_alive_seconds: int) -> uvicorn.Config:
    """How the app is served. `keep_alive_seconds`: for how long a connection is kept that has no request."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=int(_SHUTDOWN_PATIENCE.total_seconds()),
    )


async def _create_tables(database: Database) -> None:
    while True:
        try:
            await upgrade_to_head(database)
        except CatalogIsAway as error:
            logger.warning("waiting", for_="catalog", reason=str(error), retry_seconds=_RETRY_PAUSE.total_seconds())
            await asyncio.sleep(_RETRY_PAUSE.total_seconds())
        else:
            return


if __name__ == "__main__":
    main()
