"""Where a webhook leads: resolved once, checked, and then connected to by the very addresses that were checked."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address

from control_plane_server.webhooks.addresses import Address, AllowedAddresses
from control_plane_server.webhooks.urls import WebhookUrl

# Host and port to addresses. Raises socket.gaierror.
Resolver = Callable[[str, int], Awaitable[tuple[Address, ...]]]
RESOLUTION_LIMIT_SECONDS = 5.0
_UNKNOWN = (socket.EAI_NONAME, socket.EAI_NODATA)
_ALLOW = "an operator may allow its network in CONTROL_PLANE_WEBHOOK_NETWORKS"


class TargetIsRefused(Exception):
    """Its text says why nothing is sent there."""


class TargetIsUnknown(Exception):
    """It could not be resolved just now."""


class Targets:
    """Of one process. `resolve`: by the system's resolver if it is None, with threads of its own, as one whose servers
    do not answer keeps a thread for a while."""

    def __init__(self, allowed: AllowedAddresses, *, resolve: Resolver | None = None) -> None:
        self._allowed = allowed
        self._resolve = resolve or partial(_resolve, ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolve"))

    async def addresses(self, url: WebhookUrl) -> tuple[Address, ...]:
        """At least one, each of them checked. Raises TargetIsRefused, TargetIsUnknown."""
        found = (url.host,) if not isinstance(url.host, str) else await self._resolved(url.host, url.port)
        for address in found:
            if not self._allowed.allows(address):
                named = "" if address == url.host else f"{url.host} is "
                raise TargetIsRefused(f"{named}{address}, which is not a public address; {_ALLOW}")
            if not url.is_encrypted and not self._allowed.is_ours(address):
                raise TargetIsRefused(f"http is for networks that the operator allows; use https for {url.host}")
        return found

    async def _resolved(self, name: str, port: int) -> tuple[Address, ...]:
        try:
            async with asyncio.timeout(RESOLUTION_LIMIT_SECONDS):
                found = await self._resolve(name, port)
        except TimeoutError as error:
            raise TargetIsUnknown(
                f"the name {name} was not resolved within {RESOLUTION_LIMIT_SECONDS:.0f} s"
            ) from error
        except socket.gaierror as error:
            if error.errno in _UNKNOWN:
                raise TargetIsRefused(f"there is no host {name}; check its name") from error
            raise TargetIsUnknown(f"the name {name} cannot be resolved now: {error.strerror}") from error
        if not found:
            raise TargetIsRefused(f"there is no host {name}; check its name")
        return found


async def _resolve(threads: ThreadPoolExecutor, name: str, port: int) -> tuple[Address, ...]:
    look_up = partial(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(threads, look_up)
    return tuple(dict.fromkeys(ip_address(where[0]) for *_, where in found))
