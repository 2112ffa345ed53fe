"""The metrics of a process, served for Prometheus on ports of their own. Without a port: no server, no thread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import REGISTRY, disable_created_metrics, start_http_server
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from control_plane_server.catalog.database import Database
from control_plane_server.telemetry.catalog_metrics import CatalogMetrics
from environment.metrics_settings import MetricsAddress


class MetricsAreNotServed(Exception):
    """A port for metrics cannot be listened on."""


@asynccontextmanager
async def serve_metrics(address: MetricsAddress, database: Database) -> AsyncIterator[None]:
    """Serve the process's metrics while the context lasts; nothing if `address` has no port. Raises
    MetricsAreNotServed.

    A thread of its own serves them, and has the event loop read those of the catalog.
    """
    if address.port is None:
        yield
        return
    # They would add a `_created` line to each counter and histogram, which Prometheus does not need.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        server, thread = start_http_server(address.port, address.host)
    except OSError as error:
        raise _not_served(address.host, address.port, error) from error
    of_catalog = CatalogMetrics(database, asyncio.get_running_loop())
    REGISTRY.register(of_catalog)
    try:
        yield
    finally:
        REGISTRY.unregister(of_catalog)
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


def temporal_runtime(address: MetricsAddress) -> Runtime | None:
    """A runtime that serves the metrics of Temporal's SDK until the process ends; None, for the SDK's default runtime,
    if `address` has no port for them. Raises MetricsAreNotServed."""
    if address.temporal_port is None:
        return None
    host = f"[{address.host}]" if ":" in address.host else address.host
    metrics = PrometheusConfig(
        bind_address=f"{host}:{address.temporal_port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=metrics))
    except ValueError as error:
        raise _not_served(address.host, address.temporal_port, error) from error


def _not_served(host: str, port: int, error: Exception) -> MetricsAreNotServed:
    return MetricsAreNotServed(f"metrics cannot be served on {host} port {port}: {error}")
