"""Why a task is gone: the texts are those of AWS."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from control_plane_server.domain.containers import ExitCause
from control_plane_server.provisioners.ecs.statuses import LATE_START_REASON, OUR_STOP_REASON, exit_of

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import TaskTypeDef


def task(
    code: str | None, reason: str, *, exit_code: int | None = None, container_reason: str | None = None, **more: Any
) -> "TaskTypeDef":
    container = {"name": "main"} | ({} if exit_code is None else {"exitCode": exit_code})
    it: TaskTypeDef = {"lastStatus": "STOPPED", "stoppedReason": reason, "memory": "512"}
    if code is not None:
        it["stopCode"] = code  # type: ignore[typeddict-item]
    containers: Any = [container | ({} if container_reason is None else {"reason": container_reason})]
    it["containers"] = containers
    it.update(more)  # type: ignore[typeddict-item]
    return it


@pytest.mark.parametrize(
    "status", ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING"]
)
def test_before_the_end_an_exit_code_means_nothing(status: str) -> None:
    assert exit_of(task("EssentialContainerExited", "", exit_code=1, lastStatus=status)) is None


ESSENTIAL = "Essential container in task exited"
MAINTENANCE = "ECS is performing maintenance on the underlying infrastructure hosting the task"


@pytest.mark.parametrize(
    "reason",
    [
        "AWS is retiring the host",
        "Amazon ECS is performing scheduled maintenance",
        "Host EC2 (instance i-0abc) terminated.",
        "The task's Spot capacity was reclaimed",
        "ECS is patching the underlying infrastructure",
        "The host had a hardware failure",
    ],
)
@pytest.mark.parametrize("code", ["ServiceSchedulerInitiated", "EssentialContainerExited", "UserInitiated", None])
def test_what_happened_to_the_host_is_told_by_the_text_alone(code: str | None, reason: str) -> None:
    ended = exit_of(task(code, reason, exit_code=143))
    assert ended is not None
    assert (ended.cause, ended.failed_to_start) == (ExitCause.LOST, False)


@pytest.mark.parametrize(
    ("exit_code", "container_reason", "reason"),
    [
        (0, None, "exited without a result"),
        (3, None, "exit code 3"),
        (143, None, "killed by SIGTERM"),
        (139, None, "killed by SIGSEGV"),
        (200, None, "exit code 200"),
        (
            137,
            "OutOfMemoryError: Container killed due to memory usage",
            "killed for using more than its 512 MiB of memory",
        ),
        (137, None, "killed by SIGKILL"),
    ],
)
def test_a_container_that_ended_by_itself(exit_code: int | None, container_reason: str | None, reason: str) -> None:
    ended = exit_of(task("EssentialContainerExited", ESSENTIAL, exit_code=exit_code, container_reason=container_reason))
    assert ended is not None
    assert (ended.cause, ended.reason, ended.exit_code) == (ExitCause.EXITED, reason, exit_code)


@pytest.mark.parametrize(
    ("code", "reason", "exit_code", "cause"),
    [
        # The stop code counts, whatever the container's exit code is.
        ("SpotInterruption", "Your Spot Task was interrupted.", 0, ExitCause.LOST),
        ("TerminationNotice", "Your Spot Task was interrupted.", 143, ExitCause.LOST),
        ("TerminationNotice", "Task retirement", 1, ExitCause.LOST),
        ("InfrastructureHealth", "The host is unhealthy", 137, ExitCause.LOST),
        ("UserInitiated", OUR_STOP_REASON, 1, ExitCause.STOPPED),
        ("UserInitiated", "Somebody clicked", 143, ExitCause.EXITED),
        ("UserInitiated", "Somebody clicked before it ran", None, ExitCause.LOST),
        ("ServiceSchedulerInitiated", f"{MAINTENANCE}.", 143, ExitCause.LOST),
        ("UserInitiated", MAINTENANCE, 0, ExitCause.LOST),
        ("EssentialContainerExited", MAINTENANCE, 137, ExitCause.LOST),
        (None, "", None, ExitCause.LOST),
        (None, "", 1, ExitCause.EXITED),
        ("SomethingNew", "whatever", None, ExitCause.LOST),
        ("SomethingNew", "whatever", 1, ExitCause.EXITED),
        ("TaskFailedToStart", "Essential container in task exited", 1, ExitCause.EXITED),
    ],
)
def test_the_stop_code_comes_first(code: str | None, reason: str, exit_code: int | None, cause: ExitCause) -> None:
    ended = exit_of(task(code, reason, exit_code=exit_code))
    assert ended is not None
    assert ended.cause is cause


def task_of_command(
    code: str, reason: str, *, copy: dict[str, object], main: dict[str, object] | None = None
) -> "TaskTypeDef":
    """`copy`: of the container that copies the program that runs commands."""
    ended = task(code, reason)
    containers: Any = [{"name": "runtime", **copy}, {"name": "main", **(main or {})}]
    ended["containers"] = containers
    return ended


DEPENDENCY = (
    "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency "
    "[runtime(control-plane:1) (STOPPED->RUNNING) - Exit: 1] for target [main(image:1) (NONE->RUNNING)] as dependency "
    "did not exit successfully."
)
NO_IMAGE = "CannotPullContainerError: pull image manifest has been retried 1 time(s): control-plane:1: not found"
SLOW_REGISTRY = "CannotPullContainerError: dial tcp 1.2.3.4:443: i/o timeout"


@pytest.mark.parametrize("code", ["TaskFailedToStart", "EssentialContainerExited"])
@pytest.mark.parametrize(
    ("copy", "main", "cause"),
    [
        ({"exitCode": 1}, {"exitCode": 143, "reason": DEPENDENCY}, ExitCause.MISCONFIGURED),
        ({"exitCode": 1}, {}, ExitCause.MISCONFIGURED),
        ({"reason": NO_IMAGE}, {}, ExitCause.MISCONFIGURED),
        ({"reason": SLOW_REGISTRY}, {}, ExitCause.LOST),
    ],
)
def test_a_program_that_cannot_be_copied_is_no_fault_of_the_function(
    code: str, copy: dict[str, object], main: dict[str, object], cause: ExitCause
) -> None:
    ended = exit_of(task_of_command(code, str(copy.get("reason", DEPENDENCY)), copy=copy, main=main))
    assert ended is not None
    assert ended.cause is cause
    assert "CONTROL_PLANE_IMAGE" in ended.reason


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [
        (137, "killed after the grace period: it was told to stop and did not end"),
        (0, "ended without a report when it was told to stop (exit code 0)"),
        (None, "ended without a report when it was told to stop"),
    ],
)
def test_what_we_stopped_says_how_it_took_it(exit_code: int | None, reason: str) -> None:
    ended = exit_of(task("UserInitiated", OUR_STOP_REASON, exit_code=exit_code))
    assert ended is not None
    assert ended.reason == reason


@pytest.mark.parametrize(
    ("code", "reason", "copy", "main", "cause"),
    [
        ("EssentialContainerExited", ESSENTIAL, {"exitCode": 0}, {"exitCode": 3}, ExitCause.EXITED),
        ("TaskFailedToStart", NO_IMAGE, {}, {"reason": NO_IMAGE}, ExitCause.EXITED),
        ("TaskFailedToStart", NO_IMAGE, {"exitCode": 137}, {"reason": NO_IMAGE}, ExitCause.EXITED),
        ("TaskFailedToStart", "Timeout waiting for network interface provisioning", {}, {}, ExitCause.LOST),
        ("UserInitiated", OUR_STOP_REASON, {"exitCode": 137}, {}, ExitCause.STOPPED),
        ("SpotInterruption", "Your Spot Task was interrupted.", {"exitCode": 143}, {}, ExitCause.LOST),
    ],
)
def test_what_else_becomes_of_a_command_is_told_as_ever(
    code: str, reason: str, copy: dict[str, object], main: dict[str, object], cause: ExitCause
) -> None:
    ended = exit_of(task_of_command(code, reason, copy=copy, main=main))
    assert ended is not None
    assert ended.cause is cause
    assert "CONTROL_PLANE_IMAGE" not in ended.reason


@pytest.mark.parametrize(
    ("status", "container_status", "is_over"),
    [
        ("RUNNING", "RUNNING", False),
        ("RUNNING", "STOPPED", True),
        ("DEACTIVATING", "RUNNING", False),
        ("STOPPING", "STOPPED", True),
        ("DEPROVISIONING", "RUNNING", True),
    ],
)
def test_what_has_an_outcome_is_over_once_its_program_has_ended(
    status: str, container_status: str, is_over: bool
) -> None:
    containers = [{"name": "main", "lastStatus": container_status, "exitCode": 0}]
    ending = task("EssentialContainerExited", "", lastStatus=status, containers=containers)
    assert (exit_of(ending, has_outcome=True) is not None) is is_over
    assert exit_of(ending) is None, "an abort may be forgotten, by what the stop code says in the end"


def test_a_task_that_we_stopped_as_it_did_not_start_is_lost() -> None:
    late = exit_of(task("UserInitiated", LATE_START_REASON))
    raced = exit_of(task("UserInitiated", LATE_START_REASON, exit_code=143, startedAt=STARTED, stoppedAt=STARTED))
    assert late is not None
    assert raced is not None
    assert (late.cause, late.failed_to_start) == (ExitCause.LOST, True)
    assert (raced.cause, raced.failed_to_start) == (ExitCause.LOST, False)


STARTED = datetime(2026, 11, 29, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "reason", "lacked_capacity", "failed_to_start"),
    [
        ("TaskFailedToStart", "Capacity is unavailable at this time. Please try again later", True, False),
        ("TaskFailedToStart", SLOW_REGISTRY, False, True),
        ("EssentialContainerExited", "CannotInspectContainerError: Could not transition to inspecting", False, True),
        ("SpotInterruption", "Your Spot Task was interrupted.", False, False),
    ],
)
def test_a_start_that_failed_is_told_from_one_without_capacity_and_from_an_interruption(
    code: str, reason: str, lacked_capacity: bool, failed_to_start: bool
) -> None:
    ended = exit_of(task(code, reason))
    assert ended is not None
    assert (ended.cause, ended.lacked_capacity, ended.ran_for) == (ExitCause.LOST, lacked_capacity, None)
    assert ended.failed_to_start is failed_to_start


@pytest.mark.parametrize(("ran_for", "failed_to_start"), [(timedelta(minutes=3), False), (timedelta(seconds=3), True)])
def test_what_has_run_for_a_while_did_not_fail_to_start_whatever_its_runtime_says_afterwards(
    ran_for: timedelta, failed_to_start: bool
) -> None:
    ended = exit_of(
        task(
            "EssentialContainerExited",
            "ContainerRuntimeTimeoutError: Could not transition to stopped; timed out after waiting 1m30s",
            startedAt=STARTED,
            stoppingAt=STARTED + ran_for,
            stoppedAt=STARTED + ran_for + timedelta(minutes=1),
        )
    )
    assert ended is not None
    assert (ended.cause, ended.failed_to_start, ended.ran_for) == (ExitCause.LOST, failed_to_start, ran_for)
