"""`python -m tests.upgrade`: another release under work that is under way, and back again. Exit status 1 if anything
was lost, doubled or ended otherwise than it should have."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from control_plane.cli.output import print_text

from tests.upgrade.jobs import Jobs
from tests.upgrade.slow_work import SlowWork
from tests.upgrade.stack import Servers, servers

_TODAY = Path(__file__).parents[2]
_FUNCTIONS = Path(__file__).with_name("functions")


def main() -> int:
    parser = argparse.ArgumentParser(prog="upgrade", description="Replaces one release by another under running work.")
    parser.add_argument("--from", dest="before", help="the release before, as git names it; by default the last tag")
    parser.add_argument("--one-way", action="store_true", help="do not go back")
    arguments = parser.parse_args()
    before = arguments.before or _git("describe", "--tags", "--abbrev=0")
    with tempfile.TemporaryDirectory(prefix="cp-upgrade-") as folder, _checkout(before, Path(folder) / "tree") as tree:
        way = "" if arguments.one_way else ", and back again"
        _say(f"from {before} ({_git('rev-parse', '--short', before)}) to the code here{way}")
        problems = asyncio.run(_replace(Path(folder) / "data", tree, goes_back=not arguments.one_way))
    for problem in problems:
        _say(f"VIOLATION: {problem}")
    _say(f"{len(problems)} violations")
    return 1 if problems else 0


async def _replace(folder: Path, before: Path, *, goes_back: bool) -> list[str]:
    notes = folder.parent / "notes"
    notes.mkdir()
    async with servers(folder) as stack:
        await stack.run(before)
        first = await _begin(stack, notes / "first")
        slow = SlowWork(stack.access, stack.postgres, _FUNCTIONS, notes / "slow")
        await slow.begin()
        stack.kill()
        await stack.run(_TODAY)
        problems = await slow.go_on()
        second = await _begin(stack, notes / "second")
        problems += await slow.end()
        problems += await first.end()
        _say(f"the release before began {len(first) + len(slow)} jobs, was killed, and the code here has ended them")
        if not goes_back:
            return [*problems, *await second.end()]
        slow = SlowWork(stack.access, stack.postgres, _FUNCTIONS, notes / "slow-again")
        await slow.begin()
        stack.kill()
        await stack.run(before)
        problems += await slow.go_on()
        third = await _begin(stack, notes / "third")
        problems += await slow.end(is_older=True)
        problems += await second.end()
        problems += await third.end()
        _say(f"the code here began {len(second) + len(slow)} jobs, was killed, and the release before has ended them")
        return problems


async def _begin(stack: Servers, notes: Path) -> Jobs:
    """Jobs of every kind, under the release that runs."""
    jobs = Jobs(stack.access, _FUNCTIONS, notes)
    await jobs.begin()
    return jobs


@contextmanager
def _checkout(reference: str, tree: Path) -> Iterator[Path]:
    _git("worktree", "add", "--detach", "--force", str(tree), reference)
    try:
        yield tree
    finally:
        _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> str:
    run = subprocess.run(("git", "-C", str(_TODAY), *arguments), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"git {' '.join(arguments)}: {run.stderr.strip()}; name a release with --from")
    return run.stdout.strip()


def _say(line: str) -> None:
    print_text(line)


if __name__ == "__main__":
    sys.exit(main())
