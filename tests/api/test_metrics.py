"""What is measured of requests: by route, whatever is asked for; and how long a container took to speak."""

import httpx2
from prometheus_client import REGISTRY
from sqlalchemy import func

from control_plane_server.catalog.database import Database
from tests.api.builders import add_execution, deploy, invoke

REQUESTS = "control_plane_http_request_duration_seconds_count"
PROVISIONING = "control_plane_provisioning_duration_seconds"


def requests(method: str, route: str, status: int) -> float:
    return REGISTRY.get_sample_value(REQUESTS, {"method": method, "route": route, "status": str(status)}) or 0


async def test_labels_are_bounded_whatever_is_asked_for(anonymous: httpx2.AsyncClient) -> None:
    asked = {
        ("BREW", "/"): ("OTHER", "/", 405),
        ("GET", "/a/b/c"): ("GET", "NONE", 404),
        ("GET", "/projects/anything"): ("GET", "/projects/{project_name}", 403),
        ("POST", "/containers/con-1/next"): ("POST", "/containers/{container_id}/next?wait_seconds", 403),
        ("GET", "/projects?wait_seconds=1"): ("GET", "/projects?wait_seconds", 403),
    }
    before = {labels: requests(*labels) for labels in asked.values()}
    for method, path in asked:
        await anonymous.request(method, path)
    assert {labels: requests(*labels) for labels in asked.values()} == {
        labels: count + 1 for labels, count in before.items()
    }


async def test_a_start_is_measured_from_its_launch_once(client: httpx2.AsyncClient, database: Database) -> None:
    def measured() -> tuple[float, float]:
        return (
            REGISTRY.get_sample_value(f"{PROVISIONING}_count") or 0,
            REGISTRY.get_sample_value(f"{PROVISIONING}_sum") or 0,
        )

    deployed = await deploy(client)
    launched = {"launches": 1, "launch_time": func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, 40)}
    execution = await add_execution(database, await invoke(client, deployed.invocations()), launched)
    count, total = measured()
    assert [(await client.put(f"{execution}/start")).status_code for _ in range(2)] == [200, 409]
    warm = await add_execution(
        database, await invoke(client, deployed.invocations()), {**launched, "is_warm_start": True}
    )
    assert (await client.put(f"{warm}/start")).status_code == 200
    assert measured()[0] == count + 1
    assert 40 <= measured()[1] - total < 60
