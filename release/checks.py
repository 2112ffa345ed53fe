"""What must be so before anything of a release is made. Each check yields a line for what is not, and what to do."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from release.changelog import sections, title_of
from release.repository import Repository
from requirements.comparison import differences
from requirements.sets import SETS

MAIN = "main"
# `make test` writes into it which commit it has found good.
TESTED = ".tested"
# Semantic Versioning, in the form that Python's packages have too.
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(rc[1-9]\d*)?")
_OUR_DISTRIBUTION = re.compile(r"^(control-plane[a-z-]*)(?:\[[^\]]*\])?\s*==\s*(?P<version>[^\s;]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`is_tested`: somebody says so, where `make test` has not noted it. `with_image`: an engine builds it here, with
    `image_options` for `docker build`."""

    repository: Repository
    version: str
    is_tested: bool = False
    with_image: bool = True
    image_options: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        return f"v{self.version}"


def problems(plan: Plan) -> Iterator[str]:
    """All of them, so that they can be mended in one go."""
    if not _VERSION.fullmatch(plan.version):
        yield f"{plan.version!r} is no version: say VERSION=1.2.3"
        return
    checks: tuple[Callable[[Plan], Iterator[str]], ...] = (
        _work_tree,
        _branch,
        _tag,
        _changelog,
        _versions,
        _pages,
        _requirements,
        _tests,
        _engine,
    )
    for check in checks:
        yield from check(plan)


def _work_tree(plan: Plan) -> Iterator[str]:
    if changed := plan.repository.git("status", "--porcelain"):
        yield f"the work tree is not clean ({changed.splitlines()[0].strip()}): commit or remove what changed"


def _branch(plan: Plan) -> Iterator[str]:
    branch = plan.repository.git("branch", "--show-current")
    if branch != MAIN:
        yield f"this is {branch or 'no branch'}: releases are made from {MAIN}"


def _tag(plan: Plan) -> Iterator[str]:
    commit = plan.repository.commit_of(plan.tag)
    if commit not in (None, plan.repository.head):
        yield f"{plan.tag} is the tag of another commit: choose the next version"


def _changelog(plan: Plan) -> Iterator[str]:
    changelog = plan.repository.text("CHANGELOG.md")
    title = title_of(changelog, plan.version)
    if title is None:
        yield f"CHANGELOG.md has no section {plan.version}: name the one for it '## {plan.version} - YYYY-MM-DD'"
        return
    told = sections(changelog)
    if next(iter(told)) != "Unreleased" or told["Unreleased"]:
        yield f"CHANGELOG.md must begin with an empty section Unreleased: move what is in it to {plan.version}"
    if next(other for other in told if other != "Unreleased") != title:
        yield f"CHANGELOG.md tells of other releases before {plan.version}: the newest comes first"
    if not told[title]:
        yield f"CHANGELOG.md says nothing about {plan.version}"
    day = _day(title)
    if day is None or day > datetime.now(UTC).date():
        yield f"CHANGELOG.md must date {plan.version}, with today at the latest: '## {plan.version} - YYYY-MM-DD'"


def _day(title: str) -> date | None:
    try:
        return date.fromisoformat(title.partition(" - ")[2])
    except ValueError:
        return None


def _versions(plan: Plan) -> Iterator[str]:
    for path, project in plan.repository.projects().items():
        declared = project["project"]
        if declared["version"] != plan.version:
            yield f"{path} says version {declared['version']}: make it {plan.version}"
        for dependency in declared.get("dependencies", []):
            pinned = _OUR_DISTRIBUTION.match(dependency)
            if pinned and pinned["version"] != plan.version:
                yield f"{path} depends on {dependency}: make it {plan.version}"


def _pages(plan: Plan) -> Iterator[str]:
    if not re.search(rf"(?<![\d.]){re.escape(plan.version)}(?![\d.]*\d)", plan.repository.text("README.md")):
        yield f"README.md does not name {plan.version}, as the newest release"


def _requirements(plan: Plan) -> Iterator[str]:
    yield from differences(plan.repository.root, SETS)


def _tests(plan: Plan) -> Iterator[str]:
    noted = plan.repository.root / TESTED
    if not plan.is_tested and (not noted.exists() or noted.read_text().strip() != plan.repository.head):
        yield "`make test` has not passed on this commit: run it, or say TESTED=1 if it has passed elsewhere"


def _engine(plan: Plan) -> Iterator[str]:
    if not plan.with_image:
        return
    if (
        shutil.which("docker") is None
        or subprocess.run(("docker", "info"), capture_output=True, check=False).returncode
    ):
        yield "no Docker engine answers, for the image: start one, or say IMAGE=0 and have it built elsewhere"
