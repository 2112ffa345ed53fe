"""Jobs in every state in which an upgrade may find them, each with what must come of it."""

import asyncio
from pathlib import Path

from control_plane.access.local_stacks import StackAccess

from tests.e2e.project import Json, Project, lines_of, release_file

_ENDED_WITHIN = 180.0  # seconds: a reconciliation comes once a minute


class Jobs:
    """Running ones, one with a child, queued ones, one that backs off, one that is being cancelled."""

    def __init__(self, access: StackAccess, functions: Path, folder: Path) -> None:
        folder.mkdir()
        self._project = Project(access, f"upgrade-{folder.name}")
        self._functions = functions
        self._folder = folder
        self._held: list[str] = []
        self._parent = self._failed = self._cancelled = ""

    def __len__(self) -> int:
        return len(self._held) + 4  # the parent with its child, the one that failed, the cancelled one

    async def begin(self) -> None:
        """Return once each of them is in its state."""
        await self._project.deploy(
            *("note_and_hold", "fail_at_first", "call_and_wait"),
            folder=self._functions,
            max_concurrency=2,
            max_retries=1,
            retry_initial_interval_seconds=8,  # longer than it takes to replace a release
        )
        release = str(self._folder / "release")
        for number in range(4):  # two of them wait for a slot
            self._held.append(
                await self._project.invoke("note_and_hold", notes=str(self._folder / f"{number}"), release=release)
            )
            if number < 2:
                await lines_of(self._folder / f"{number}")
        self._parent = await self._project.invoke(
            "call_and_wait", notes=str(self._folder / "child"), release=release, depth=1
        )
        await lines_of(self._folder / "child")
        self._cancelled = await self._project.invoke(
            "note_and_hold", notes=str(self._folder / "never"), release=str(self._folder / "never-released")
        )
        self._failed = await self._project.invoke("fail_at_first", notes=str(self._folder / "failures"), failures=1)
        await lines_of(self._folder / "failures")
        await self._project.cancel("note_and_hold", self._cancelled)

    async def end(self) -> list[str]:
        """Let them end, and say what is not as it should be."""
        release_file(str(self._folder / "release"))
        try:
            async with asyncio.timeout(_ENDED_WITHIN):
                return await self._problems()
        except TimeoutError:
            return [f"not all of {self._project.name} have ended within {_ENDED_WITHIN:.0f} s"]
        finally:
            await self._project.http.aclose()

    async def _problems(self) -> list[str]:
        problems = []
        for invocation_id in self._held:
            problems += _differences(await self._project.ended("note_and_hold", invocation_id), ["SUCCEEDED"])
        problems += _differences(await self._project.ended("call_and_wait", self._parent), ["SUCCEEDED"])
        problems += _differences(await self._project.ended("fail_at_first", self._failed), ["FAILED", "SUCCEEDED"])
        problems += _differences(await self._project.ended("note_and_hold", self._cancelled), [])
        for file, runs in {**{str(number): 1 for number in range(4)}, "child": 1, "failures": 2}.items():
            ran = len(await lines_of(self._folder / file))
            if ran != runs:
                problems.append(f"{self._project.name}/{file} ran {ran} times instead of {runs}")
        if (self._folder / "never").exists():
            problems.append("a job that was cancelled while it waited has run")
        return problems


def _differences(invocation: Json, outcomes: list[str]) -> list[str]:
    found = [execution["outcome"] for execution in invocation["executions"]]
    launches = [execution["launches"] for execution in invocation["executions"]]
    if found == outcomes and launches == [1] * len(outcomes):
        return []
    return [f"{invocation['invocation_id']} has {found} of {launches} launches instead of {outcomes}"]
