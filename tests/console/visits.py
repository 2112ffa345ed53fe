"""A tab of the browser, and what went wrong in it."""

from playwright.async_api import ConsoleMessage, Dialog, Page, Request

_ABORTED = "net::ERR_ABORTED"  # what a page has left open, once another one is opened


class Visit:
    """`problems`: errors of scripts and of the console, which breaches of the content security policy are too; dialogs;
    requests to anybody else. `addresses`: of all that was asked for."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.problems: list[str] = []
        self.addresses: list[str] = []
        self._origin = origin
        page.set_default_timeout(30_000)
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.problems.append(f"a script: {error}"))
        page.on("dialog", self._note_dialog)
        page.on("request", self._note_request)
        page.on("requestfailed", self._note_failure)

    async def open(self, path: str) -> None:
        """Until all that it is made of is there. Fails if that is no page."""
        answer = await self.page.goto(path)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"

    async def follow(self, name: str) -> None:
        """Click on the first link that is called so, exactly."""
        await self.page.get_by_role("link", name=name, exact=True).first.click()

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text} ({message.page.url if message.page else ''})")

    async def _note_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"a dialog: {dialog.message}")
        await dialog.dismiss()

    def _note_request(self, request: Request) -> None:
        self.addresses.append(request.url)
        if not request.url.startswith((f"{self._origin}/", "data:")):
            self.problems.append(f"a request to {request.url}")

    def _note_failure(self, request: Request) -> None:
        if request.failure != _ABORTED:
            self.problems.append(f"{request.url}: {request.failure}")
