"""What people do in a browser: log in, read a page, send its forms."""

import re
from html import unescape

import httpx2

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_TAG = re.compile(r"<[^>]*>")


async def log_in(visitor: httpx2.AsyncClient, key: str, *, next_path: str | None = None) -> httpx2.Response:
    """The answer to the form of the login page."""
    page = await visitor.get("/ui/login", params={"next": next_path} if next_path is not None else {})
    assert page.status_code == 200, page.text
    return await visitor.post("/ui/login", data=hidden_fields(page) | {"api_key": key})


def hidden_fields(page: httpx2.Response) -> dict[str, str]:
    """Of all forms of the page."""
    return {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}


def words(page: httpx2.Response) -> str:
    """What is read on it."""
    return " ".join(unescape(_TAG.sub(" ", page.text)).split())
