"""What a release is made of, on this machine. Each step may be repeated: what it finds done, it leaves or does anew."""

import hashlib
import subprocess
from pathlib import Path

from release.changelog import sections, title_of
from release.checks import MAIN, Plan

WHEELS = Path("dist")
CHECKSUMS = WHEELS / "SHA256SUMS"


class StepFailed(Exception):
    """Says what and what to do."""


def build_wheels(plan: Plan) -> None:
    """The wheels into dist/, without older ones, and their checksums. Raises StepFailed."""
    folder = plan.repository.root / WHEELS
    for stale in folder.glob("*.whl"):
        stale.unlink()
    _run(plan, "make", "--no-print-directory", "wheel")
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != len(plan.repository.projects()) or any(f"-{plan.version}-" not in wheel.name for wheel in wheels):
        raise StepFailed(
            f"`make wheel` made {[wheel.name for wheel in wheels]}, not a wheel {plan.version} of each project"
        )
    lines = [f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}\n" for wheel in wheels]
    (plan.repository.root / CHECKSUMS).write_text("".join(lines))


def build_image(plan: Plan) -> None:
    """control-plane:VERSION, from the wheels that are there, and control-plane-runtime:VERSION, from that. Raises
    StepFailed."""
    labels = ("--build-arg", f"VERSION={plan.version}", "--build-arg", f"REVISION={plan.repository.head}")
    name = ("--tag", f"control-plane:{plan.version}")
    _run(plan, "docker", "build", "--quiet", *name, *labels, *plan.image_options, ".")
    runtime = ("--file", "Dockerfile.runtime", "--tag", f"control-plane-runtime:{plan.version}")
    source = ("--build-arg", f"CONTROL_PLANE_IMAGE=control-plane:{plan.version}")
    _run(plan, "docker", "build", "--quiet", *runtime, *source, *labels, *plan.image_options, ".")


def tag(plan: Plan) -> None:
    """What has been built from is what is tagged; the tag tells what the changelog tells. Raises StepFailed."""
    if plan.repository.commit_of(plan.tag) is not None:
        return
    changelog = plan.repository.text("CHANGELOG.md")
    told = sections(changelog)[title_of(changelog, plan.version) or ""]
    message = f"control-plane {plan.version}\n\n{told}"
    # Lines that begin with # are headings here.
    _run(plan, "git", "tag", "--annotate", "--cleanup=whitespace", "--message", message, plan.tag)


def what_to_push(plan: Plan) -> list[str]:
    """Commands for a person, as nothing leaves this machine by itself."""
    commands = [f"git push origin {MAIN} {plan.tag}", f"twine upload {WHEELS}/*.whl"]
    if plan.with_image:
        for name in ("control-plane", "control-plane-runtime"):
            image = f"{name}:{plan.version}"
            commands += [f"docker tag {image} REGISTRY/{image}", f"docker push REGISTRY/{image}"]
    return commands


def _run(plan: Plan, *command: str) -> None:
    if subprocess.run(command, cwd=plan.repository.root, check=False).returncode != 0:
        raise StepFailed(f"{' '.join(command[:3])} … failed: mend it and say `make release` again")
