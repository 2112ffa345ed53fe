"""Metrics read from the catalog when they are scraped, at most once in five seconds per process."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.load import FunctionLoad, LoadRepository
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.entities import ContainerStatus
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.liveness.failures import report_failure

logger = structlog.get_logger(__name__)

# One statement per process in this time, however many scrape it.
_FRESH = timedelta(seconds=5)
# Prometheus gives a scrape up after ten seconds by default (its documentation, "scrape_timeout").
_PATIENCE = timedelta(seconds=5)
# Each function adds ten lines to every scrape.
_MOST_FUNCTIONS = 1_000

_OF_FUNCTION = ("project", "function")


class CatalogMetrics(Collector):
    """Collected in the thread that answers a scrape; the catalog is asked in the event loop of the process."""

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        self._database = database
        self._loop = loop
        self._asking = asyncio.Lock()
        self._load: Sequence[FunctionLoad] | None = None
        self._fresh_until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering the collector must not query the catalog."""
        return ()

    def collect(self) -> Iterator[Metric]:
        load = self._load_in_time()
        up = GaugeMetricFamily("control_plane_catalog_up", "Whether the catalog answers: 1 or 0.")
        up.add_metric((), float(load is not None))
        yield up
        yield from _families(load or ())

    def _load_in_time(self) -> Sequence[FunctionLoad] | None:
        """None if the event loop does not answer in time, as while the process ends: this thread must not wait for
        ever."""
        asking = asyncio.run_coroutine_threadsafe(self._recent_load(), self._loop)
        try:
            return asking.result(timeout=2 * _PATIENCE.total_seconds())
        except TimeoutError:
            asking.cancel()
            return None

    async def _recent_load(self) -> Sequence[FunctionLoad] | None:
        """None if the catalog does not answer."""
        async with self._asking:
            if time.monotonic() >= self._fresh_until:
                self._load = await self._read()
                self._fresh_until = time.monotonic() + _FRESH.total_seconds()
        return self._load

    async def _read(self) -> Sequence[FunctionLoad] | None:
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()), self._database.statement() as connection:
                return await LoadRepository(connection).read(at_most=_MOST_FUNCTIONS)
        except (CatalogIsAway, TimeoutError) as error:
            logger.warning("catalog_is_not_measured", reason=str(error) or "it does not answer in time")
        except Exception as error:  # a defect must not keep the process's other metrics from the scrape
            report_failure("catalog metrics", error)
        return None


def _families(load: Iterable[FunctionLoad]) -> tuple[Metric, ...]:
    running = GaugeMetricFamily(
        "control_plane_invocations_running",
        "Invocations that have not ended, queued ones included.",
        labels=_OF_FUNCTION,
    )
    waiting = GaugeMetricFamily(
        "control_plane_queue_length", "Executions that wait for a slot of their function.", labels=_OF_FUNCTION
    )
    age = GaugeMetricFamily(
        "control_plane_queue_oldest_age_seconds",
        "Time since the creation of the oldest invocation that waits for a slot.",
        labels=_OF_FUNCTION,
    )
    batches = GaugeMetricFamily(
        "control_plane_batches_running", "Batches of which some invocation has not ended.", labels=_OF_FUNCTION
    )
    containers = GaugeMetricFamily(
        "control_plane_executions",
        "Executions that hold a slot, by the state of their container.",
        labels=(*_OF_FUNCTION, "worker_status"),
    )
    kept = GaugeMetricFamily(
        "control_plane_warm_containers",
        "Containers that are kept between executions, by whether one is given to an execution.",
        labels=(*_OF_FUNCTION, "state"),
    )
    for function in load:
        name = (function.project_name, function.function_name)
        running.add_metric(name, function.running)
        waiting.add_metric(name, function.waiting)
        age.add_metric(name, function.oldest_waiting_seconds)
        batches.add_metric(name, function.batches)
        containers.add_metric((*name, ContainerStatus.PENDING), function.pending_containers)
        containers.add_metric((*name, ContainerStatus.PROVISIONING), function.provisioning_containers)
        containers.add_metric((*name, ContainerStatus.RUNNING), function.running_containers)
        kept.add_metric((*name, State.STARTING), function.starting_warm)
        kept.add_metric((*name, State.IDLE), function.idle_warm)
        kept.add_metric((*name, State.LEASED), function.leased_warm)
    return running, waiting, age, batches, containers, kept
