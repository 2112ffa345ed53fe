"""Somebody who has logged in to the console, without a browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@asynccontextmanager
async def logged_in(api_url: str, api_key: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Requests of this session are those of one browser, with any number of connections."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of hosts that are numbers too
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
    async with aiohttp.ClientSession(api_url, cookie_jar=jar, connector=connector) as session:
        async with session.get("/ui/login") as page:
            form_token = _FORM_TOKEN.search(await page.text())
        if form_token is None:
            raise RuntimeError("the page of the login has no form")
        fields = {"form_token": form_token[1], "api_key": api_key}
        async with session.post("/ui/login", data=fields, allow_redirects=False) as answer:
            if answer.status != 303:
                raise RuntimeError(f"{answer.status} for the login")
        yield session
