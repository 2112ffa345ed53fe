"""Pages of invocations that stay open, as browsers keep them: what each shows, and how it comes back."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

_RETRY_SECONDS = 1.0  # what the stream tells browsers
_LINE = re.compile(r"<li[^>]*>.*?</li>", re.DOTALL)
_SILENCE_SECONDS = 30  # twice the time between two signs of life


@dataclass
class LivePage:
    """`parts`: the newest of each. `log`: lines, as HTML. `absences`: how many seconds it was without a connection,
    each time that it lost one."""

    invocation_id: str
    parts: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    absences: list[float] = field(default_factory=list)
    events: int = 0
    is_over: bool = False

    async def follow(self, session: aiohttp.ClientSession) -> None:
        """Until the end of the invocation, over as many connections as that takes."""
        lost: float | None = None
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_SECONDS)
        while not self.is_over:
            try:
                async with session.get(f"/ui/invocations/{self.invocation_id}/live", timeout=timeout) as answer:
                    answer.raise_for_status()
                    async for event, data in _events(answer.content):
                        if lost is not None:
                            self.absences.append(time.monotonic() - lost)
                            lost = None
                        self._take(event, data)
            except (aiohttp.ClientError, TimeoutError):
                pass
            if not self.is_over:
                lost = time.monotonic() if lost is None else lost
                await asyncio.sleep(_RETRY_SECONDS)

    def _take(self, event: str, data: str) -> None:
        self.events += 1
        match event:
            case "end":
                self.is_over = True
            case "log":
                self.log = _LINE.findall(data)
            case "log_lines":
                self.log += _LINE.findall(data)
            case _:
                self.parts[event] = data


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, str]]:
    event, data = "", list[str]()
    async for raw in content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif not name and data:
            yield event, "\n".join(data)
            event, data = "", []
