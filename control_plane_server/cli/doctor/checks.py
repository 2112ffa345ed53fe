"""What the doctor has looked at: a line each."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`finding`: what is so. `advice`: what to do about it."""

    name: str
    health: Health
    finding: str
    advice: str | None = None

    def document(self) -> dict[str, str | None]:
        return asdict(self)


def ok(name: str, finding: str) -> Check:
    return Check(name=name, health=Health.OK, finding=finding)


def warning(name: str, finding: str, advice: str) -> Check:
    return Check(name=name, health=Health.WARNING, finding=finding, advice=advice)


def failed(name: str, finding: str, advice: str) -> Check:
    return Check(name=name, health=Health.FAILED, finding=finding, advice=advice)


def unknown(name: str, finding: str, advice: str | None = None) -> Check:
    return Check(name=name, health=Health.UNKNOWN, finding=finding, advice=advice)
