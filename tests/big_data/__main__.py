"""`python -m tests.big_data`: hundreds of megabytes in and out, with `api` killed within the upload of an input and
within that of an output, and the container within that of an output. Exit status 1 if a result is another one, or the
store keeps what nobody needs.

On ecs the stand-in's S3 takes the bytes past the API, so what is killed there is who announces and verifies them.
"""

import argparse
import asyncio
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import control_plane as cp
import psutil
from control_plane.cli.output import print_text
from control_plane.deployment.runtime_copies import runtime_path
from control_plane.machine.records import read_record
from sqlalchemy import text

from activities.reconciliation.orphaned_blobs import OrphanedBlobs
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.blobs.location import BlobStoreLocation
from control_plane_server.blobs.opening import open_blob_store
from control_plane_server.blobs.store import BlobStore
from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.processes.connections import open_database
from environment.provisioner_names import ProvisionerName
from tests.aws.process import running_stand_in
from tests.cli.stacks import Ports, dev
from tests.e2e.platforms import Platform, Processes, Tasks, open_containers
from tests.e2e.project import PROGRAMS, Project

_MEBIBYTE = 1024 * 1024
_MOST_API_MIB_MORE = 64.0
_MOST_CONTAINER_MIB = 128.0
_STARTED_SECONDS = 5.0  # until then a process may still be a copy of the one that started it
_LOOK_SECONDS = 0.02
_COPY = ["sh", "-c", 'cat "$CONTROL_PLANE_INPUT" > "$CONTROL_PLANE_OUTPUT"']
_ROUNDS: tuple[tuple[str, str] | None, ...] = (None, ("api", "input"), ("api", "output"), ("container", "output"))
_ADDRESS = "MULTINODE_API_URL"  # a variable of containers alone
_UPLOADING = text("SELECT count(*) FROM blobs WHERE kind = :kind AND completed_time IS NULL AND blob_id <> ALL(:seen)")
_INCOMPLETE = text("SELECT blob_id FROM blobs WHERE completed_time IS NULL")
_WITHOUT_OWNER = text("SELECT count(*) FROM blobs WHERE completed_time IS NOT NULL AND invocation_id IS NULL")
_KEPT = text("SELECT blob_id FROM blobs")


def main() -> int:
    parser = argparse.ArgumentParser(prog="big_data", description="Moves much data in and out.")
    parser.add_argument("--size", type=int, default=200, help="in MiB")
    parser.add_argument("--provisioner", choices=["process", "docker", "ecs"], default="process")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cp-big-data-") as folder:
        problems = asyncio.run(_run(Path(folder), ProvisionerName(arguments.provisioner), size=arguments.size))
    for problem in problems:
        print_text(f"VIOLATION: {problem}")
    print_text(f"{len(problems)} violations")
    return 1 if problems else 0


class Watch:
    """Looks at the memory of the stack's api and of containers; kills either once something of a kind is uploaded."""

    def __init__(self, folder: DataFolder, database: Database, *, api_url: str) -> None:
        self.api_mib = self.container_mib = 0.0
        self.has_killed = False
        self._api_url = api_url
        self._known: dict[psutil.Process, bool] = {}  # which are containers of this stack
        self._folder = folder
        self._database = database

    async def uploads(self) -> list[str]:
        """Those that have begun by now."""
        async with self._database.statement() as connection:
            return list(await connection.scalars(_INCOMPLETE))

    async def look(self, kill: tuple[str, str] | None, *, seen: list[str]) -> None:
        """Until it is cancelled. `kill`: who, and within the upload of which kind of blob, of those not yet seen."""
        while True:
            if kill is None:  # else it would be late
                self._look_at_containers()
            self.api_mib = max(self.api_mib, self.api_rss_mib())
            if kill is not None and await self._is_uploading(kill[1], seen):
                self._kill(kill[0])
                print_text(f"{kill[0]} is killed while an {kill[1]} is being uploaded")
                kill, self.has_killed = None, True
            await asyncio.sleep(_LOOK_SECONDS)

    def _kill(self, victim: str) -> None:
        if victim == "api":
            api = read_record(self._folder.record("api"))
            assert api is not None
            os.kill(api.pid, signal.SIGKILL)
            return
        containers = [process for process in psutil.process_iter() if self._is_of_container(process)]
        assert containers
        for process in containers:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _look_at_containers(self) -> None:
        for process in psutil.process_iter():
            is_of_container = self._known.get(process)
            if is_of_container is None:
                is_of_container = self._is_of_container(process)
                if is_of_container or time.time() - process.create_time() > _STARTED_SECONDS:
                    self._known[process] = is_of_container
            if is_of_container:
                with suppress(psutil.NoSuchProcess):
                    self.container_mib = max(self.container_mib, process.memory_info().rss / _MEBIBYTE)

    def _is_of_container(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get(_ADDRESS) == self._api_url)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def api_rss_mib(self) -> float:
        api = read_record(self._folder.record("api"))
        try:
            return 0.0 if api is None else float(psutil.Process(api.pid).memory_info().rss / _MEBIBYTE)
        except psutil.NoSuchProcess:
            return 0.0

    async def _is_uploading(self, kind: str, seen: list[str]) -> bool:
        if self._folder.blobs.exists() and not any("#" in name for name in os.listdir(self._folder.blobs)):
            return False  # to a folder: announced, and not begun
        async with self._database.statement() as connection:
            return bool(await connection.scalar(_UPLOADING, {"kind": kind, "seen": seen}))


async def _run(folder: Path, provisioner: ProvisionerName, *, size: int) -> list[str]:
    problems = []
    async with (
        _platform(folder, provisioner) as platform,
        dev(folder / "data", Ports.free(), provisioner=provisioner, **platform.environment) as stack,
    ):
        access = await stack.ready()
        database = open_database(await EmbeddedPostgres(stack.folder.postgres).start())  # finds the one that runs
        project = Project(access, "big-data", image=platform.image)
        await project.deploy("command", folder=PROGRAMS, command=_COPY, max_retries=1, timeout_seconds=3_600)
        long = os.urandom(_MEBIBYTE // 2).hex() * size
        expected = hashlib.sha256(long.encode()).hexdigest()
        async with cp.AsyncClient(access.api_url, access.api_key) as client:
            function = client.function(project.name, "command")
            for kill in _ROUNDS:
                watch = Watch(stack.folder, database, api_url=access.api_url)
                before, began = watch.api_rss_mib(), time.monotonic()
                looking = asyncio.create_task(watch.look(kill, seen=await watch.uploads()))
                call = await function.submit(long)
                submitted = time.monotonic() - began
                result = await call.result()
                elapsed = time.monotonic() - began
                is_watched = not looking.done()
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
                print_text(
                    f"{size} MiB in and out: submitted after {submitted:.1f} s, the result after {elapsed:.1f} s; "
                    f"api: {before:.0f} MiB before, at most {watch.api_mib:.0f}; "
                    f"a container: at most {watch.container_mib:.0f} MiB"
                )
                if not is_watched:
                    problems.append("the watch has failed")
                if kill is not None and not watch.has_killed:
                    problems.append(f"{kill[0]} was not killed while an {kill[1]} was being uploaded")
                if hashlib.sha256(result.encode()).hexdigest() != expected:
                    problems.append(f"the result is another one, of {len(result)} characters")
                if kill is None and not 0 < watch.container_mib <= _MOST_CONTAINER_MIB:
                    problems.append(f"a container was seen to take {watch.container_mib:.0f} MiB")
                if watch.api_mib > before + _MOST_API_MIB_MORE:
                    problems.append(f"api took {watch.api_mib - before:.0f} MiB more")
        await project.http.aclose()
        problems += await _left_over(database, _store(stack.folder, platform.environment))
        await database.close()
    return problems


async def _left_over(database: Database, store: BlobStore) -> list[str]:
    """What remains that should not, once the reconciliation has removed what has no use, however new."""
    found = {each.key for each in await store.page(after="")}
    async with database.statement() as connection:
        ownerless = await connection.scalar(_WITHOUT_OWNER)
    await RepairRun("blobs removed").run(OrphanedBlobs(database=database, store=store, patience=timedelta(0)).remove)
    async with database.statement() as connection:
        rows = set(await connection.scalars(_KEPT))
    keys = {each.key for each in await store.page(after="")}
    print_text(f"{len(found)} objects, {len(keys)} after the reconciliation; {len(rows)} rows")
    problems = [f"{ownerless} complete blobs are nobody's"] if ownerless else []
    return problems if keys == rows and len(rows) == 2 * len(_ROUNDS) else [*problems, f"objects {keys}, rows {rows}"]


def _store(folder: DataFolder, environment: Mapping[str, str]) -> BlobStore:
    os.environ.update(environment)
    return open_blob_store(
        BlobStoreLocation(
            url=environment.get("CONTROL_PLANE_BLOBS_URL", folder.blobs.as_uri()),
            region=environment.get("AWS_REGION", "us-east-1"),
            endpoint_url=environment.get("AWS_ENDPOINT_URL"),
        )
    )


@asynccontextmanager
async def _platform(folder: Path, provisioner: ProvisionerName) -> AsyncIterator[Platform]:
    if provisioner is ProvisionerName.PROCESS:
        yield Processes(folder / "data")
        return
    if provisioner is ProvisionerName.DOCKER:
        async with open_containers(folder / "data", shared=folder) as containers:
            yield containers
        return
    async with running_stand_in() as aws:
        tasks = Tasks(folder / "data", aws)
        await aws.control.register_image(tasks.image(PROGRAMS), PROGRAMS)
        own_image = folder / "control-plane-image"
        own_image.mkdir()
        (own_image / "runtime").symlink_to(runtime_path(own_image))
        await aws.control.register_image(tasks.own_image, own_image)
        yield tasks


if __name__ == "__main__":
    sys.exit(main())
