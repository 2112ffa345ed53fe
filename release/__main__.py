"""`python -m release VERSION`: all checks first, then the wheels, the image and the tag. It pushes nothing."""

import argparse
import shlex
import sys

from release.checks import Plan, problems
from release.repository import Repository
from release.steps import StepFailed, build_image, build_wheels, tag, what_to_push
from requirements.sets import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="release", description="Makes a release of what is checked out.")
    parser.add_argument("version")
    parser.add_argument("--dry-run", action="store_true", help="do all but the tag")
    parser.add_argument("--tested", action="store_true", help="`make test` has passed on this commit elsewhere")
    parser.add_argument("--without-image", action="store_true", help="the image is built elsewhere")
    parser.add_argument("--image-options", default="", help="for `docker build`, as a shell takes them")
    arguments = parser.parse_args()
    plan = Plan(
        repository=Repository(root=ROOT),
        version=arguments.version,
        is_tested=arguments.tested,
        with_image=not arguments.without_image,
        image_options=tuple(shlex.split(arguments.image_options)),
    )
    found = list(problems(plan))
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print(f"No release {plan.version}; nothing was changed.", file=sys.stderr)
        return 1
    try:
        _make(plan, is_dry_run=arguments.dry_run)
    except StepFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _make(plan: Plan, *, is_dry_run: bool) -> None:
    print(f"Building the wheels of {plan.version}", flush=True)
    build_wheels(plan)
    if plan.with_image:
        print(f"Building the image control-plane:{plan.version}", flush=True)
        build_image(plan)
    if is_dry_run:
        print(f"{plan.tag} was not tagged, as this is a dry run. It would then be for you to do:")
    else:
        tag(plan)
        print(f"{plan.tag} is tagged, here alone. What is left is for you to do:")
    for command in what_to_push(plan):
        print(f"    {command}")


if __name__ == "__main__":
    sys.exit(main())
