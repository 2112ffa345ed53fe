"""A declared function is still the function, and says what it may have."""

import asyncio
import datetime
import inspect
import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Any

import control_plane as cp
import pytest
from control_plane import declarations


@cp.function
def double(number: int, /, *, times: int = 1) -> int:
    """Twice as much."""
    return 2 * number * times


@cp.function(cpus=2, memory_gb=8, timeout=datetime.timedelta(hours=2), retries=3, retry_delay=5, image="other:1")
async def later(number: int) -> int:
    return number


@cp.function(retry_backoff=1.5, max_retry_delay=50, max_concurrency=3)
def count(to: int) -> Iterator[int]:
    yield from range(to)


@cp.function
async def count_later(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


def test_calling_it_is_a_plain_call() -> None:
    assert double(2, times=3) == 12
    assert [*count(3)] == [0, 1, 2]
    assert asyncio.run(_first(later(4))) == 4

    async def all_of_them() -> list[int]:
        return [number async for number in count_later(3)]

    assert asyncio.run(all_of_them()) == [0, 1, 2]


async def _first(value: object) -> object:
    return await value  # type: ignore[misc]


def test_it_looks_like_the_function() -> None:
    assert (double.__name__, double.__doc__, double.__module__) == ("double", "Twice as much.", __name__)
    assert str(inspect.signature(double)) == "(number: int, /, *, times: int = 1) -> int"
    assert pickle.loads(pickle.dumps(double)) is double
    assert repr(double) == "<control_plane function double>"


def test_limits_are_named_as_on_the_wire() -> None:
    assert double._spec == {
        "function_name": "double",
        "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": 10},
        "execution_spec": {"max_retries": 0, "timeout_seconds": 3_600},
    }
    assert later._spec == {
        "function_name": "later",
        "docker_image_override": "other:1",
        "resource_spec": {"virtual_cpus": 2, "memory_gbs": 8, "max_concurrency": 10},
        "execution_spec": {"max_retries": 3, "timeout_seconds": 7_200, "retry_initial_interval_seconds": 5},
    }
    assert count._spec["execution_spec"] == {
        "max_retries": 0,
        "timeout_seconds": 3_600,
        "retry_backoff_coefficient": 1.5,
        "retry_max_interval_seconds": 50,
    }


def test_what_it_needs_of_its_machine() -> None:
    role = "arn:aws:iam::123456789012:role/reports"
    made = cp.command("train", ["train"], storage_gib=50, architecture="ARM64", gpus=2, capacity="spot", task_role=role)
    assert made._spec["platform"] == {
        "ephemeral_storage_gib": 50,
        "cpu_architecture": "ARM64",
        "gpus": 2,
        "capacity": "spot",
        "task_role_arn": role,
    }


def test_how_its_containers_are_kept() -> None:
    made = cp.command("train", ["train"], reuse=cp.Reuse(idle_seconds=60, min_idle=2, isolation="process"))
    assert made._spec["reuse"] == {"idle_seconds": 60, "min_idle": 2, "max_executions": None, "isolation": "process"}
    assert cp.command("plain", ["train"], reuse=None)._spec.keys() == double._spec.keys() | {"command"}  # type: ignore[arg-type]


def test_mistakes_are_named() -> None:
    with pytest.raises(TypeError, match=r"its def says; write @cp.function, not @cp.function\('greet'\)"):
        cp.function("greet")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="is called what its def says; leave name='greet' away"):
        cp.function(name="greet")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="there is no limit 'virtual_cpus'; there are cpus, memory_gb,"):
        cp.function(virtual_cpus=1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"reuse is a cp.Reuse: reuse=cp.Reuse\(idle_seconds=300\), not True"):
        cp.function(reuse=True)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="min_idle must not exceed max_concurrency: 3 containers would wait, 2 may"):
        cp.function(max_concurrency=2, reuse=cp.Reuse(min_idle=3))
    with pytest.raises(TypeError, match=r'a command is a list of words: \["sh", "-c", \'sort -n\'\]'):
        cp.command("sort", "sort -n")


def test_commands() -> None:
    sort = cp.command("sort", ["sort", "-n"], cpus=1)
    assert sort._spec["command"] == ["sort", "-n"]
    assert declarations.named("sort") is sort


def test_submitting_where_nothing_runs_says_what_to_do() -> None:
    with pytest.raises(cp.ControlPlaneError, match=r"cp\.Client\(\)\.function\(PROJECT, double\)\.submit"):
        double.submit(1)
    with pytest.raises(cp.ControlPlaneError, match="nothing was invoked here"):
        cp.current()


def test_what_is_not_retried_is_named_as_error_messages_begin() -> None:
    class Wrong(ValueError):
        pass

    @cp.function(no_retry_on=[Wrong, "requests.Timeout", KeyboardInterrupt], retry_jitter=0.5, resume_children=True)
    def fragile() -> None: ...

    execution = fragile._spec["execution_spec"]
    assert execution["no_retry_on"] == ["Wrong", "requests.Timeout", "KeyboardInterrupt"]
    assert (execution["retry_jitter"], execution["resume_children"]) == (0.5, True)
    tool = cp.command("tool", ["true"], no_retry_on=[3, "killed by SIGSEGV"])
    assert tool._spec["execution_spec"]["no_retry_on"] == ["exit code 3", "killed by SIGSEGV"]
    for one in (fragile, tool):
        declarations.declared.remove(one)


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (ValueError, "no_retry_on is a list: no_retry_on=[ValueError]"),
        ("ValueError", "no_retry_on is a list: no_retry_on=['ValueError']"),
        ([3], "no_retry_on holds exceptions or their names; only a command has exit codes, not 3"),
        ([int], "no_retry_on holds exceptions or their names; only a command has exit codes, not <class 'int'>"),
    ],
)
def test_what_cannot_stand_there_is_said(errors: Any, said: str) -> None:
    with pytest.raises(TypeError) as refusal:
        cp.function(no_retry_on=errors)
    assert str(refusal.value) == said


def test_environment_and_secrets_are_named_as_on_the_wire() -> None:
    @cp.function(environment={"MODE": "fast"}, secrets=["DATABASE_URL"])
    def one() -> None: ...

    other = cp.command("other", ["true"], secrets={"DATABASE_URL": "billing-db"})
    assert (one._spec["environment"], one._spec["secrets"]) == ({"MODE": "fast"}, {"DATABASE_URL": "DATABASE_URL"})
    assert (other._spec["secrets"], "environment" in other._spec) == ({"DATABASE_URL": "billing-db"}, False)
    del declarations.declared[-2:]


@pytest.mark.parametrize(
    ("limits", "advice"),
    [
        ({"environment": {"WORKERS": 4}}, r"environment\['WORKERS'\] must be a text; write it in quotes"),
        ({"environment": "MODE=fast"}, "environment is a dict: "),
        ({"secrets": "DATABASE_URL"}, r"secrets are a list, secrets=\[\"DATABASE_URL\"\], or a dict: "),
        ({"secrets": {"DATABASE_URL": 4}}, "secrets are a list"),
        ({"secrets": 5}, "secrets are a list"),
        ({"secrets": [5]}, "secrets are a list"),
    ],
)
def test_environments_of_other_types_are_refused(limits: dict[str, object], advice: str) -> None:
    with pytest.raises(TypeError, match=advice):
        cp.function(**limits)  # type: ignore[call-overload]
