"""Pytest plugin: ends the run with the figures that tests measured and how many of each kind passed and failed.

A kind is a folder of tests/.
"""

from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.figures import PROPERTY

_PASSED, _FAILED, _SKIPPED = "passed", "failed", "skipped"


class Counts:
    """A test counts once: as failed if any of its phases failed, else as skipped or passed."""

    def __init__(self) -> None:
        self._outcomes: dict[str, str] = {}
        self._figures: list[str] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._outcomes[report.nodeid] = _FAILED
        elif report.skipped or report.when == "call":
            self._outcomes.setdefault(report.nodeid, report.outcome)
        if report.when == "teardown":
            self._figures += [str(value) for name, value in report.user_properties if name == PROPERTY]

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._outcomes[report.nodeid] = _FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        yield  # the summary of pytest itself comes first
        if hasattr(session.config, "workerinput"):  # one of several processes: the one that started them tells
            return
        terminal = session.config.get_terminal_writer()
        by_kind: dict[str, Counter[str]] = {}
        for node, outcome in sorted(self._outcomes.items()):
            by_kind.setdefault(_kind(node), Counter())[outcome] += 1
        terminal.line()
        for figure in self._figures:
            terminal.line(figure)
        terminal.line()
        for kind, outcomes in by_kind.items():
            terminal.line(f"{kind:<14} {_describe(outcomes)}")
        terminal.line(_describe(sum(by_kind.values(), Counter[str]())))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Counts(), "counts")


def _kind(node: str) -> str:
    folders = Path(node.partition("::")[0]).parts
    return folders[1] if len(folders) > 2 else "other"


def _describe(outcomes: Counter[str]) -> str:
    skipped = f", {outcomes[_SKIPPED]} skipped" if outcomes[_SKIPPED] else ""
    return f"{outcomes[_PASSED]} passed, {outcomes[_FAILED]} failed{skipped}"
