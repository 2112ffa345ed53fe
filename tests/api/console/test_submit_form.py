"""A function called by a form."""

from typing import Any

import httpx2
import pytest

from tests.api.builders import Deployed, deploy, function_spec, invoke
from tests.api.console.browser import hidden_fields, words

SIGNATURE: dict[str, Any] = {
    "type": "object",
    "properties": {"url": {"type": "string"}, "width": {"type": "integer", "default": 800}},
    "required": ["url"],
    "additionalProperties": False,
    "x-positional": ["url", "width"],
}
FORM = "/ui/projects/p/functions/f/submit"
OPTIONS = {"tags": "", "delay_seconds": "", "priority": "", "concurrency_key": "", "concurrency_limit": ""}


@pytest.fixture
async def deployed(client: httpx2.AsyncClient) -> Deployed:
    plain, command = function_spec("g"), function_spec("<h>", command=["sh"])
    return await deploy(client, function_spec(signature=SIGNATURE), plain, command)


async def sent(browser: httpx2.AsyncClient, path: str = FORM, **fields: str) -> httpx2.Response:
    hidden = hidden_fields(await browser.get(path))
    return await browser.post(path.partition("?")[0], data={**hidden, **OPTIONS, **fields})


async def made(client: httpx2.AsyncClient, answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 303, words(answer)
    found = await client.get(answer.headers["location"].removeprefix("/ui"))
    document: dict[str, Any] = found.json()
    return document


@pytest.mark.usefixtures("deployed")
async def test_by_argument(browser: httpx2.AsyncClient, client: httpx2.AsyncClient) -> None:
    page = await browser.get(FORM)
    assert 'name="argument:width" value="800"' in page.text
    options = {"tags": "team=<b>\nrun = 7 ", "priority": "8", "concurrency_key": "k", "delay_seconds": "60"}
    new = await made(client, await sent(browser, **{"argument:url": "<i>", "argument:width": "800"}, **options))
    assert new["input"] == '{"url": "<i>"}'
    assert (new["tags"], new["priority"], new["delay_seconds"]) == ({"team": "<b>", "run": "7"}, 8, 60)
    assert (new["concurrency_key"], new["concurrency_limit"]) == ("k", 1)


@pytest.mark.usefixtures("deployed")
async def test_a_form_that_is_sent_twice_submits_once(browser: httpx2.AsyncClient) -> None:
    form = {**hidden_fields(await browser.get(FORM)), **OPTIONS, "argument:url": "u", "argument:width": ""}
    first, second = [await browser.post(FORM, data=form) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    other = await browser.post(FORM, data={**form, "argument:url": "v"})
    assert other.status_code == 400
    assert "sent before with other values" in words(other)
    again = await browser.post(FORM, data={**form, **hidden_fields(other), "argument:url": "v"})
    assert again.headers["location"] != first.headers["location"]


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"argument:url": "u", "argument:width": "wide"}, "It is a whole number."),
        ({"argument:url": "u", "priority": "11"}, "priority must not exceed 9."),
        ({"argument:url": "u", "concurrency_limit": "2"}, "concurrency_limit needs a concurrency_key."),
        ({"argument:url": "u", "tags": "<b>"}, "A tag is key=value, which <b> is not."),
        ({"argument:url": "u" * 250_000}, "input cannot exceed 250000 characters."),
        ({"input": '{"url": 7}'}, "url"),
        ({"input": "{"}, "the input is not JSON"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_done(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, fields: dict[str, str], problem: str
) -> None:
    answer = await sent(browser, **{"argument:width": "", **fields} if "input" not in fields else fields)
    assert answer.status_code == 400
    assert problem in words(answer)
    assert 'aria-invalid="true"' in answer.text or 'role="alert"' in answer.text
    assert "<b>" not in answer.text
    assert (await client.get("/projects/p/invocations")).json()["invocations"] == []


async def test_like_an_invocation(browser: httpx2.AsyncClient, client: httpx2.AsyncClient, deployed: Deployed) -> None:
    invocation = await invoke(client, deployed.invocations(), input='{"url": "u", "width": 5}', tags={"a": "b"})
    page = await browser.get(f"{FORM}?like={invocation.rsplit('/', 1)[1]}")
    assert 'name="argument:width" value="5"' in page.text
    assert "a=b" in page.text
    by_position = await invoke(client, deployed.invocations(), input='["</textarea><script>"]')
    page = await browser.get(f"{FORM}?like={by_position.rsplit('/', 1)[1]}")
    assert "&lt;/textarea&gt;&lt;script&gt;" in page.text
    assert 'name="input"' in page.text


@pytest.mark.usefixtures("deployed")
async def test_of_what_has_no_signature(browser: httpx2.AsyncClient, client: httpx2.AsyncClient) -> None:
    path = "/ui/projects/p/functions/g/submit"
    assert 'name="input"' in (await browser.get(path)).text
    assert (await made(client, await sent(browser, path, input='{"a":\r\n1}')))["input"] == '{"a":\n1}'
    path = "/ui/projects/p/functions/%3Ch%3E/submit"
    assert "Input, which the command reads from stdin" in words(await browser.get(path))
    assert (await made(client, await sent(browser, path, input="any text")))["input"] == "any text"


@pytest.mark.usefixtures("deployed")
async def test_nothing_is_done_for_other_sites(browser: httpx2.AsyncClient, client: httpx2.AsyncClient) -> None:
    assert (await browser.post(FORM, data={"input": "{}", "form_token": "x"})).status_code == 403
    assert (await client.get("/projects/p/invocations")).json()["invocations"] == []
    assert (await browser.get("/ui/projects/p/functions/nobody/submit")).status_code == 404
