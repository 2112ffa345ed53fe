"""A real Prometheus that scrapes a stack as observability/prometheus.yml says, only more often and on other ports."""

import asyncio
import math
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from control_plane_server.cli.stack.ports import free_ports

FOLDER = Path(__file__).parents[2] / "observability"
# The ports of the example.
_EXAMPLE_PORTS = {
    "control-plane-api": 9464,
    "control-plane-api-temporal": 9465,
    "control-plane-loop": 9466,
    "control-plane-loop-temporal": 9467,
}
_SCRAPE_INTERVAL = "500ms"

Sample = tuple[dict[str, str], float]


class Prometheus:
    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def query(self, expression: str) -> list[Sample]:
        """The series that the expression gives now, labels and value."""
        answer = await self._get("/api/v1/query", query=expression)
        assert answer["status"] == "success", (expression, answer)
        return [(series["metric"], float(series["value"][1])) for series in answer["data"]["result"]]

    async def data(self, expression: str) -> list[Sample]:
        """The same once there are some, and numbers."""
        while True:
            samples = [sample for sample in await self.query(expression) if not math.isnan(sample[1])]
            if samples:
                return samples
            await asyncio.sleep(0.25)

    async def value(self, expression: str, *, at_least: float) -> None:
        """Wait until the expression's one series has come to that."""
        while not any(value >= at_least for _, value in await self.query(expression)):
            await asyncio.sleep(0.25)

    async def rules(self) -> list[dict[str, Any]]:
        """Once all have been evaluated."""
        while True:
            groups = (await self._get("/api/v1/rules"))["data"]["groups"]
            rules: list[dict[str, Any]] = [rule for group in groups for rule in group["rules"]]
            if rules and all(rule["health"] != "unknown" for rule in rules):
                return rules
            await asyncio.sleep(0.25)

    async def _get(self, path: str, **parameters: str) -> Any:
        return (await self._http.get(path, params=parameters)).json()


@asynccontextmanager
async def running_prometheus(folder: Path, ports: Mapping[str, int]) -> AsyncIterator[Prometheus]:
    """`ports`: by job. Fails where Prometheus is not installed."""
    program = shutil.which("prometheus")
    assert program is not None, "prometheus is not installed: apt-get install prometheus"
    configuration = (FOLDER / "prometheus.yml").read_text().replace("15s", _SCRAPE_INTERVAL)
    for job, port in ports.items():
        configuration = configuration.replace(f":{_EXAMPLE_PORTS[job]}", f":{port}")
    configuration = configuration.replace("rule_files", f"  evaluation_interval: {_SCRAPE_INTERVAL}\n\nrule_files")
    (folder / "prometheus.yml").write_text(configuration)
    (folder / "alerts.yml").write_text((FOLDER / "alerts.yml").read_text())
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        *(program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
        cwd=folder,
    )
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
            while not await _is_ready(http):
                assert process.returncode is None
                await asyncio.sleep(0.05)
            yield Prometheus(http)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _is_ready(http: httpx2.AsyncClient) -> bool:
    try:
        return (await http.get("/-/ready")).status_code == 200
    except httpx2.TransportError:
        return False
