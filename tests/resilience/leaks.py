"""Looks for secrets wherever a stack leaves something that others may read."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import psutil
from temporalio.client import Client


def in_files(folder: Path, secrets: Iterable[str]) -> list[str]:
    """Files that hold one of the secrets: logs, databases, whatever containers leave."""
    needles = [secret.encode() for secret in secrets]
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(needle in _content(path) for needle in needles)
    ]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone since it was listed
        return b""


async def in_histories(client: Client, secrets: Iterable[str]) -> list[str]:
    """Workflows with one of the secrets in their histories, payloads included, or in what is listed of them."""
    needles = [secret.encode() for secret in secrets]
    found = []
    async for workflow in client.list_workflows():
        handle = client.get_workflow_handle(workflow.id, run_id=workflow.run_id)
        history = await handle.fetch_history()
        texts = [event.SerializeToString() for event in history.events]
        texts.append((await handle.describe()).raw_description.SerializeToString())
        if any(needle in text for needle in needles for text in texts):
            found.append(workflow.id)
    return found


def in_process_lists(secrets: Iterable[str]) -> list[str]:
    """Command lines, of whatever process on this machine, with one of the secrets."""
    needles = list(secrets)
    return [line for line in _command_lines() if any(needle in line for needle in needles)]


def _command_lines() -> Iterator[str]:
    for process in psutil.process_iter():
        try:
            yield " ".join(process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def environments(data_dir: Path) -> Mapping[int, dict[str, str]]:
    """The environments of the supervisors and containers of a stack, by process."""
    found = {}
    for process in psutil.process_iter():
        try:
            environment, line = process.environ(), process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        is_supervisor = "control_plane_server.provisioners.process.supervisor" in line and any(
            file.path.startswith(str(data_dir)) for file in process.open_files()
        )
        if is_supervisor or environment.get("PYTHONPATH", "").startswith(f"{data_dir}/runtime-"):
            found[process.pid] = environment
    return found


async def watch_process_lists(secrets: Iterable[str], seen: set[str]) -> None:
    """Until cancelled: processes that start a container live for a moment only."""
    needles = list(secrets)
    while True:
        seen.update(in_process_lists(needles))
        await asyncio.sleep(0.05)
