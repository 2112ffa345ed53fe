"""Whatever is asked for, no page of invocations, batches or forms is a defect."""

from urllib.parse import quote

import httpx2
import pytest

from tests.api.builders import deploy, function_spec, invoke
from tests.api.console.browser import hidden_fields

ODD = ("\x00", "\ud7ff\x7f", "%", "..", "' OR 1=1 --", "x" * 3_000, "{{ 7 * 7 }}", "-1", "99999999999999999999")


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
async def test_odd_texts(browser: httpx2.AsyncClient, client: httpx2.AsyncClient, odd: str) -> None:
    invocation = await invoke(client, (await deploy(client, function_spec())).invocations())
    page = f"/ui/invocations/{invocation.rsplit('/', 1)[1]}"
    text = quote(odd, safe="")
    paths = [f"/ui/{kind}/{text}{part}" for kind in ("invocations", "batches") for part in ("", "/cancel", "/replay")]
    paths += [f"/ui/invocations/{text}/{part}" for part in ("live", "log", "log.txt", "input", "output", "children")]
    paths += [f"{page}/tree?project={text}", f"{page}/tree?project=p&offset={text}", f"{page}/log?attempt={text}"]
    paths += [f"{page}/children?offset={text}&newer={text}", f"{page}/children?outcome={text}&tag={text}"]
    form = "/ui/projects/p/functions/f/submit"
    paths += [f"{form}?version={text}", f"{form}?like={text}", f"/ui/projects/p/functions/{text}/submit"]
    paths += [f"/ui/projects/{text}/functions/f/submit", f"/ui/projects/p/functions/f/batches?offset={text}"]
    for path in paths:
        answer = await browser.get(path)
        assert answer.status_code < 500, path
    hidden = hidden_fields(await browser.get(form))
    for field in ("version", "submit_key", "input", "tags", "priority", "delay_seconds", "concurrency_key"):
        options = {"tags": "", "priority": "", "delay_seconds": "", "concurrency_key": "", "concurrency_limit": ""}
        answer = await browser.post(form, data={**hidden, "input": "{}", **options, field: odd})
        assert answer.status_code < 500, field
    for field in ("version_ref", "submit_key"):
        answer = await browser.post(f"{page}/replay", data={**hidden, field: odd})
        assert answer.status_code < 500, field
