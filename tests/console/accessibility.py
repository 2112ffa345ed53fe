"""What axe-core finds on a page."""

from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Page

_AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
_Scheme = Literal["light", "dark"]
_SCHEMES: tuple[_Scheme, ...] = ("light", "dark")
_RUN = "() => axe.run(document, {resultTypes: ['violations']})"


async def violations(page: Page) -> list[str]:
    """In light and dark, one line for each element and rule."""
    if not await page.evaluate("typeof axe !== 'undefined'"):
        await page.evaluate(_AXE)  # by the debugger, whom the content security policy does not concern
    return [line for scheme in _SCHEMES for line in await _violations(page, scheme)]


async def _violations(page: Page, scheme: _Scheme) -> list[str]:
    await page.emulate_media(color_scheme=scheme)
    found: dict[str, Any] = await page.evaluate(_RUN)
    return [
        f"{page.url}, {scheme}: {one['id']}: {node['failureSummary']} {node['html']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
