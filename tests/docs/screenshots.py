"""`make screenshots`: pictures of Temporal's Web UI for docs/temporal.md and of /docs for docs/rest.md, taken by
Chromium, which knows no host but this one, of a stack that has just run an invocation with retries."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import httpx2
from control_plane.access.local_stacks import StackAccess
from temporalio.client import Client

from tests.cli.stacks import Ports, dev
from tests.docs.pages import ROOT

IMAGES = ROOT / "docs" / "images"
_SPEC = {
    "function_name": "fail",
    "resource_spec": {"virtual_cpus": 0.5, "memory_gbs": 0.5, "max_concurrency": 1},
    "execution_spec": {"max_retries": 2, "timeout_seconds": 600},
}


async def main() -> int:
    if (chromium := shutil.which("chromium")) is None:
        sys.stderr.write("There is no chromium; on Debian: apt-get install chromium\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        async with dev(Path(folder) / "data", Ports.free()) as stack:
            access = await stack.ready()
            invocation_id = await _failed_invocation(access)
            temporal = await Client.connect(access.temporal_address)
            run_id = (await temporal.get_workflow_handle(invocation_id).describe()).run_id
            history = f"{access.history_url(invocation_id)}/{run_id}"
            for name, height in (("timeline", 1060), ("history", 1600)):
                await _photograph(
                    chromium, f"{history}/{name}", IMAGES / f"web-ui-{name}.png", height, profile=Path(folder) / name
                )
            docs = f"{access.api_url}/docs"
            await _photograph(chromium, docs, IMAGES / "api-docs.png", 1500, profile=Path(folder) / "docs")
    return 0


async def _failed_invocation(access: StackAccess) -> str:
    """One that has used up its retries."""
    headers = {"Authorization": f"Bearer {access.api_key}"}
    async with httpx2.AsyncClient(base_url=access.api_url, headers=headers, trust_env=False, timeout=90) as http:
        image = (ROOT / "examples" / "hello").as_uri()
        await http.put("/projects/hello")
        version = {"default_docker_image": image, "functions": [_SPEC]}
        (await http.post("/projects/hello/versions", json=version)).raise_for_status()
        path = "/projects/hello/versions/latest/functions/fail/invocations"
        answer = (await http.post(path, json={"input": "{}"})).raise_for_status().json()
        invocation_id: str = answer["invocation_id"]
        while answer["invocation_status"] != "TERMINATED":
            await asyncio.sleep(0.5)
            answer = (await http.get(f"{path}/{invocation_id}")).raise_for_status().json()
        return invocation_id


async def _photograph(chromium: str, page: str, image: Path, height: int, *, profile: Path) -> None:
    image.parent.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        *(f"--window-size=1360,{height}", "--virtual-time-budget=20000", f"--screenshot={image}", page),
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await process.wait() != 0:
        raise RuntimeError(f"Chromium could not take a picture of {page}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
