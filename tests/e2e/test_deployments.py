"""What a deployment may not break: what was called before is found, and a mutex holds, through the whole stack."""

import json
from pathlib import Path

import httpx2
import pytest

from tests.e2e.project import Json, Project, definition, lines_of

pytestmark = pytest.mark.platforms("process")  # it is about the catalog alone


async def test_what_was_called_before_is_found_and_a_mutex_holds(project: Project, tmp_path: Path) -> None:
    notes, later, release = (tmp_path / name for name in ("notes", "later", "release"))
    old = await project.deploy("note_and_hold", "double", max_concurrency=1, concurrency="function")
    holder = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)  # or the next one may be the first to ask for the slot
    to_cancel = await project.invoke("note_and_hold", notes=str(later), release=str(release))
    batch = await _post(project, "double/batches", inputs=['{"number": 2}', '{"number": 3}'])

    new = await project.deploy("note_and_hold", max_concurrency=1, concurrency="function")
    waiting = await project.invoke("note_and_hold", notes=str(later), release=str(release))
    assert (await project.get("note_and_hold", waiting))["version_id"] == new["version_id"]
    found = await project.get("note_and_hold", holder)
    assert (found["version_id"], found["executions"][0]["outcome"]) == (old["version_id"], None)
    assert await project.logs("note_and_hold", found) is not None
    assert (await project.cancel("note_and_hold", to_cancel))["version_id"] == old["version_id"]
    await project.ended("note_and_hold", to_cancel)
    assert (await project.get("note_and_hold", waiting))["executions"] == [], "the mutex is held by the older version"
    assert not later.exists()

    release.touch()
    ended = [await project.ended("note_and_hold", one) for one in (holder, waiting)]
    assert [one["executions"][-1]["outcome"] for one in ended] == ["SUCCEEDED", "SUCCEEDED"]
    first, second = (one["executions"][0] for one in ended)
    assert second["execution_start_time"] >= first["execution_finish_time"]
    async with project.http.stream("GET", f"{_functions(project)}/note_and_hold/invocations/{holder}/events") as events:
        assert events.status_code == 200
        assert "event: end" in (await events.aread()).decode()
    results = await project.http.get(f"{_functions(project)}/double/batches/{batch['batch_id']}/results")
    outcomes = [json.loads(line)["outcome"] for line in results.text.splitlines() if line]
    assert outcomes == ["SUCCEEDED", "SUCCEEDED"]


@pytest.mark.platforms("process")  # whose images are looked at when they are prepared
async def test_a_deployment_that_is_refused_leaves_the_one_before_in_force(project: Project) -> None:
    old = await project.deploy("double")
    refused = await _post_version(project, definition("no-folder:1", "double"))
    while (version := await _get(project, f"versions/{refused['version_id']}"))["status"] == "PENDING":
        continue
    assert (version["status"], version["is_latest"]) == ("REFUSED", False)
    assert (await _get(project, "versions/latest"))["version_id"] == old["version_id"]
    invocation_id = await project.invoke("double", number=4)
    ended = await project.ended("double", invocation_id)
    assert (ended["version_id"], ended["executions"][0]["output"]) == (old["version_id"], "8")


def _functions(project: Project) -> str:
    return f"/projects/{project.name}/versions/latest/functions"


async def _post(project: Project, path: str, **body: object) -> Json:
    return _answer(await project.http.post(f"{_functions(project)}/{path}", json=body))


async def _post_version(project: Project, body: object) -> Json:
    return _answer(await project.http.post(f"/projects/{project.name}/versions", json=body))


async def _get(project: Project, path: str) -> Json:
    return _answer(await project.http.get(f"/projects/{project.name}/{path}"))


def _answer(response: httpx2.Response) -> Json:
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer
