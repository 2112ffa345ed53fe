"""Logging in and out, by the keyboard alone; and where the key is seen."""

import re
from pathlib import Path

from control_plane.access.local_stacks import StackAccess
from playwright.async_api import expect

from tests.console.visits import Visit

LOGIN = re.compile("^Log in ")


async def test_logging_in_leads_to_the_page_and_logging_out_ends_it(stranger: Visit, access: StackAccess) -> None:
    page = stranger.page
    await stranger.open("/ui?start=a")
    await expect(page).to_have_title(LOGIN)
    await page.keyboard.type("no-key")  # the field has the focus
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("This is no API key of this control plane.")
    stranger.problems.clear()  # the browser reports the status 403
    await page.keyboard.type(access.api_key)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/ui?start=a")
    await page.get_by_role("button", name="Log out").press("Enter")
    await page.wait_for_url("**/ui/login")
    await page.go_back()
    await expect(page).to_have_title(LOGIN)


async def test_a_login_makes_a_session_of_its_own(stranger: Visit, access: StackAccess) -> None:
    """Whoever put his cookie into this browser before knows nothing of what it does afterwards."""
    page = stranger.page
    await stranger.open("/ui/login")
    (planted,) = await page.context.cookies()
    await page.keyboard.type(access.api_key)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/ui")
    (cookie,) = await page.context.cookies()
    assert cookie["value"] != planted["value"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/ui")
    assert await page.evaluate("document.cookie") == ""


async def test_the_key_is_in_no_page_address_or_log(visit: Visit, access: StackAccess, stack_folder: Path) -> None:
    await visit.open("/ui")
    assert access.api_key not in await visit.page.content()
    assert not [address for address in visit.addresses if access.api_key in address]
    assert access.api_key not in str(await visit.page.context.storage_state())
    logs = list((stack_folder / "logs").iterdir())
    assert logs
    assert not [log.name for log in logs if access.api_key.encode() in log.read_bytes()]
