"""Why a container never ran: by the causes in AWS's texts, whatever is called what in them."""

from typing import Any

import pytest

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.domain.errors import Misconfigured, NoCapacity, Unavailable
from control_plane_server.provisioners.ecs.failures import error_of, refused_launch
from control_plane_server.provisioners.ecs.names_in_texts import without_names
from control_plane_server.provisioners.ecs.statuses import exit_of
from tests.docs.pages import ROOT
from tests.unit.provisioners.ecs.failure_texts import (
    AGAIN,
    CAPACITY,
    FAILED,
    LATER,
    OPERATOR,
    REFUSALS,
    SECTIONS,
    USER,
    Text,
)

PAGE = ROOT / "docs" / "aws-failures.md"


def ended(text: Text, *, is_in_container: bool = False) -> str:
    task: Any = {"lastStatus": "STOPPED", "stopCode": text.code, "stoppedReason": text.reason, "memory": "512"}
    task["containers"] = [{"name": "main"}]
    if is_in_container:
        task["stoppedReason"] = "Task failed to start"
        task["containers"] = [{"name": "main", "reason": text.reason}]
    it = exit_of(task)
    assert it is not None
    assert text.reason in it.reason or "MiB of memory" in it.reason
    return becomes(it)


def becomes(it: ContainerExit) -> str:
    assert not (it.lacked_capacity and it.failed_to_start)
    match it.cause:
        case ExitCause.LOST:
            return CAPACITY if it.lacked_capacity else AGAIN
        case ExitCause.EXITED:
            return USER
        case cause:
            assert cause is ExitCause.MISCONFIGURED
            return OPERATOR


def refused(text: Text) -> str:
    if text.code:
        error = error_of("ecs:RunTask", text.code, text.reason)
    else:
        error = refused_launch([{"arn": "arn", "reason": text.reason}])
    assert text.reason in str(error)
    return {NoCapacity: CAPACITY, Unavailable: LATER, Misconfigured: OPERATOR}[type(error)]


def line(text: Text) -> str:
    return f"| {text.code or '(a failure)'} | {text.reason or '(nothing)'} | {text.becomes} |"


@pytest.mark.parametrize("text", [text for texts in SECTIONS.values() for text in texts], ids=lambda text: text.reason)
def test_what_a_text_comes_to(text: Text) -> None:
    assert ended(text) == text.becomes


@pytest.mark.parametrize(
    "text",
    [
        text
        for texts in SECTIONS.values()
        for text in texts
        if text.code == FAILED and "Create Network" not in text.reason
    ],
    ids=lambda text: text.reason,
)
def test_it_comes_to_the_same_if_the_container_says_it(text: Text) -> None:
    assert ended(text, is_in_container=True) == text.becomes


@pytest.mark.parametrize("text", REFUSALS, ids=lambda text: text.reason)
def test_what_a_refusal_comes_to(text: Text) -> None:
    assert refused(text) == text.becomes


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('Head "https://1.dkr.ecr.eu.amazonaws.com/v2/not-found/manifests/1": 403 Forbidden', "Head …: 403 Forbidden"),
        ("failed to resolve ref docker.io/a/platform:denied: EOF", "failed to resolve ref …: EOF"),
        ("image throttled not found", "image … not found"),
        ("pull access denied for timeout, no", "pull access denied for …, no"),
        ("a/b@sha256:0f1e2d3c, python:3.13-timeout and sha256:0f1e2d3c", "…, … and …"),
        ("dial tcp 10.0.0.1:443: i/o timeout. Please check", "dial tcp …: i/o timeout. Please check"),
        ('exec: "timeout": stat /bin/timeout: no such file', "exec: …: stat …: no such file"),
        ('{"errors":[{"code":"DENIED","message":"no basic auth"}]}', "{…:[{DENIED,no basic auth}]}"),
        ("RESOURCE:ENI, code:503, image manifest unknown", "RESOURCE:ENI, code:503, image manifest unknown"),
        ("User: arn:aws:sts::1:assumed-role/denied/x is not authorized", "User: … is not authorized"),
    ],
)
def test_names_are_taken_out_and_nothing_else(text: str, left: str) -> None:
    assert without_names(text) == left


@pytest.mark.parametrize("section", [*SECTIONS, "Refusals"])
def test_the_page_shows_the_same_table(section: str) -> None:
    shown = PAGE.read_text().partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [text for text in shown.splitlines() if text.startswith("| ")]
    assert lines[2:] == [line(text) for text in {**SECTIONS, "Refusals": REFUSALS}[section]]
