"""A real browser: Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

# It runs as whoever runs the tests, root too, and asks nobody but the stack.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# The first that there is. The shell is the same engine without windows: a page takes a fifth of the processor time.
_PROGRAMS = ("chromium-headless-shell", "chromium")


class ChromiumIsMissing(Exception):
    """There is no Chromium; on Debian: apt-get install chromium-headless-shell"""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Without a window. Raises ChromiumIsMissing."""
    executable = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if executable is None:
        raise ChromiumIsMissing
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()
