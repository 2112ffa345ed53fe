"""The filters of a list of invocations, as the form on its page sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus

Pairs = tuple[tuple[str, str], ...]

_TEXTS = ("status", "function_name", "version_id", "since", "until", "concurrency_key")
_LISTS = ("outcome", "tag")


class FilterIsInvalid(ValueError):
    """What was entered, and what is expected there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterFields:
    """As they were entered, empty ones left out."""

    pairs: Pairs

    @classmethod
    def of(cls, fields: Sequence[tuple[str, str]]) -> "FilterFields":
        known = [(name, value.strip()) for name, value in fields if name in (*_TEXTS, *_LISTS)]
        return cls(pairs=tuple((name, value) for name, value in known if value))

    def get(self, name: str) -> str:
        """The first of this name; empty if there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for field, value in self.pairs if field == name]

    def matching(self, **fixed: str) -> ProjectInvocationFilter:
        """`fixed`: texts that the page gives. Raises FilterIsInvalid."""
        given: Mapping[str, str] = {name: self.get(name) for name in _TEXTS if self.get(name)} | fixed
        return ProjectInvocationFilter(
            status=_status(given.get("status")),
            outcomes=tuple(map(_outcome, self.all("outcome"))),
            function_name=given.get("function_name"),
            version_id=given.get("version_id"),
            since=_second("From", given.get("since")),
            until=_second("To", given.get("until")),
            parent_invocation_id=given.get("parent_invocation_id"),
            batch_id=given.get("batch_id"),
            tags=tuple(map(_tag, self.all("tag"))),
            concurrency_key=given.get("concurrency_key"),
        )


def failed_query(since: datetime) -> Pairs:
    """Fields that find what failed of what was created since then, by whole minutes, as browsers show them."""
    failures = (InvocationOutcome.FAILED, InvocationOutcome.TIMED_OUT, InvocationOutcome.ABORTED)
    return (*(("outcome", outcome.value) for outcome in failures), ("since", f"{since.astimezone(UTC):%Y-%m-%dT%H:%M}"))


def _status(text: str | None) -> InvocationStatus | None:
    if text is None:
        return None
    try:
        return InvocationStatus(text)
    except ValueError:
        raise FilterIsInvalid(f"State is RUNNING or TERMINATED, not {text}") from None


def _outcome(text: str) -> InvocationOutcome:
    try:
        return InvocationOutcome(text)
    except ValueError:
        raise FilterIsInvalid(f"Outcome is one of {', '.join(InvocationOutcome)}, not {text}") from None


def _tag(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon:
        raise FilterIsInvalid(f"A tag is looked for as key:value, which {text} is not")
    return key, value


def _second(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        second = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise FilterIsInvalid(f"{name} is a time as 2026-03-01T12:00, not {text}") from None
    return max(0, second)
