"""Sends to the receivers of webhooks, within a bound of time, and nowhere but where it may be sent."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from control_plane_server.webhooks.targets import TargetIsRefused, TargetIsUnknown, Targets
from control_plane_server.webhooks.urls import UrlIsMalformed, parse_url

TOTAL_SECONDS = 15.0


class NotDelivered(Exception):
    """Its text says why. `status`: of HTTP; None if no answer came. `retry_after`: seconds that the receiver asks to be
    left alone for; None: it asks for nothing."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSender:
    """`trust`: of which authorities certificates are accepted; None: those of the system, or of SSL_CERT_FILE.
    `total_seconds`: for all of it, from the name that is resolved to the last header of the answer."""

    targets: Targets
    trust: ssl.SSLContext | None = None
    total_seconds: float = TOTAL_SECONDS

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """POST it, and return the status, which is from 200 to 299. Redirects are not followed. Raises NotDelivered."""
        # A process that sends no webhooks does not load what it takes.
        from control_plane_server.webhooks.requests import NoAnswer, post  # noqa: PLC0415

        try:
            async with asyncio.timeout(self.total_seconds):
                parsed = parse_url(url)
                addresses = await self.targets.addresses(parsed)
                answer = await post(parsed, addresses, body=body, headers=headers, trust=self.trust)
        except TimeoutError as error:
            raise NotDelivered(f"it took longer than {self.total_seconds:g} s") from error
        except (UrlIsMalformed, TargetIsRefused, TargetIsUnknown, NoAnswer) as error:
            raise NotDelivered(str(error)) from error
        if 200 <= answer.status <= 299:
            return answer.status
        advice = ": redirects are not followed; set the URL that it leads to" if 300 <= answer.status <= 399 else ""
        raise NotDelivered(
            f"it answered {answer.status}{advice}", status=answer.status, retry_after=_seconds(answer.retry_after)
        )


def _seconds(retry_after: str | None) -> float | None:
    """Of either form of the header (RFC 9110, 10.2.3). What is malformed says nothing."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:12])
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
