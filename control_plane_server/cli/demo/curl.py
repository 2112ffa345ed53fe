"""The demo as a shell script: the same calls with curl, ready to be pasted."""

import json
import shlex
from pathlib import Path

from control_plane.access.local_stacks import StackAccess

from control_plane_server.cli.demo.definition import PARENT, version_definition

_PROJECT = "att48-by-hand"


def curl_commands(access: StackAccess, *, example: Path, input_: str) -> list[str]:
    """One command per line, for any shell. Python picks the ids out of the answers."""
    project = f"{access.api_url}/projects/{_PROJECT}"
    latest = f"{project}/versions/latest"
    invocations = f"{latest}/functions/{PARENT}/invocations"
    curl = rf"curl -sS -w '\n' -H {shlex.quote(f'Authorization: Bearer {access.api_key}')}"
    post = f"{curl} -X POST -H 'Content-Type: application/json' -d"
    return [
        f"{curl} -X PUT {project}",
        f"{post} {shlex.quote(json.dumps(version_definition(example)))} {project}/versions",
        f"{curl} {latest}  # until both functions are READY",
        f"INVOCATION=$({post} {shlex.quote(json.dumps({'input': input_}))} {invocations} | {_pick('invocation_id')})",
        f'{curl} "{invocations}/$INVOCATION?wait_seconds=50"  # until an execution has an outcome',
        f'EXECUTION=$({curl} {invocations}/$INVOCATION | {_pick("executions", -1, "execution_id")})',
        f"{curl} {invocations}/$INVOCATION/executions/$EXECUTION/logs",
    ]


def _pick(*path: str | int) -> str:
    keys = "".join(f"[{key!r}]" for key in path).replace("'", '"')
    return f"python3 -c 'import json, sys; print(json.load(sys.stdin){keys})'"
