"""What the doctor concludes from the end of the task that asked the API."""

import pytest

from control_plane_server.cli.doctor.route import verdict
from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.domain.platforms import Platform
from control_plane_server.provisioners.ecs.probe import Probed, probe_task
from tests.provisioners.ecs.builders import REF, configuration

URL = "https://control-plane.example.com"
REFUSED = "This execution could not be reported to the control plane. 403: No"
UNREACHED = "This container could not reach MULTINODE_API_URL. timed out"


def ended(exit_code: int | None, *lines: str, reason: str = "exit") -> Probed:
    end = ContainerExit(cause=ExitCause.EXITED, reason=reason, exit_code=exit_code)
    return Probed(exit=end, lines=lines, seconds=31.4)


@pytest.mark.parametrize(
    ("probed", "health", "finding"),
    [
        (ended(1, REFUSED), "ok", f"a task has reached {URL}, and was over after 31 s"),
        (ended(78, "noise", UNREACHED), "failed", UNREACHED),
        (ended(78), "failed", f"a task does not reach {URL}"),
        (ended(None, reason="the image is not there"), "failed", "the image is not there"),
        (ended(127, "not found"), "unknown", "the container ended with exit code 127 without asking: not found"),
        (Probed(exit=None, lines=(), seconds=360), "failed", "the task did not end within 360 s, and was stopped"),
    ],
)
def test_verdicts(probed: Probed, health: str, finding: str) -> None:
    check = verdict(probed, URL)
    assert (check.health, check.finding) == (health, finding)


def test_no_repair_takes_its_task_for_a_launch() -> None:
    first, second = (probe_task("arn", REF, Platform(capacity="spot"), configuration()) for _ in range(2))
    assert first["clientToken"] != second["clientToken"]
    assert first["startedBy"].startswith("doctor-")
    assert first["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    (overrides,) = first["overrides"]["containerOverrides"]
    variables = {pair.get("name"): pair.get("value") for pair in overrides["environment"]}
    assert (variables["MULTINODE_API_URL"], variables["MULTINODE_API_KEY"]) == (configuration().api_url, "none")
