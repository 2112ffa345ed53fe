"""Where a reader of an invocation's events is. All that must be known of a reader is in the `id` of the last event."""

import base64
import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from domain.errors import OffsetIsInvalid
from domain.identifiers import InvocationId

_CURSOR = re.compile(
    r"(?P<invocation>[0-9a-f]{8})\.(?P<attempt>[0-9]{1,9})\.(?P<launch>[0-9]{1,9})\.(?P<stage>[0-9]{1,2})"
    r"\.(?P<cancelled>[01])\.(?P<output>[A-Za-z0-9_-]{8})?\.(?P<lines>[0-9]{1,9})\.(?P<log>[0-9.-]{1,40})?",
    re.ASCII,
)


class Stage(IntEnum):
    """How far an execution's events have been told, in the order in which they are. A container that takes another's
    place goes back to PROVISIONING; ENDED and OVER are the invocation's own."""

    NOTHING = 0
    CREATED = 1
    PROVISIONING = 2
    DELAYED = 3  # it is known why there is no container yet
    RUNNING = 4
    STARTED = 5
    FINISHED = 6
    TERMINATED = 7
    ENDED = 8
    OVER = 9


_STAGES = frozenset(Stage) - {Stage.NOTHING}
_STAGES_WITHOUT_EXECUTION = frozenset({Stage.CREATED, Stage.ENDED, Stage.OVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """`attempt` 0: before the first execution. `output_digest`: of the progress told last. The log is told up to
    `log_lines` lines after `log_offset`, an offset of the provisioner; None for its beginning."""

    attempt: int = 0
    launch: int = 0
    stage: Stage = Stage.NOTHING
    is_cancellation_sent: bool = False
    output_digest: str = ""
    log_offset: str | None = None
    log_lines: int = 0

    def to_cursor(self, invocation_id: InvocationId) -> str:
        """URL-safe, of the same few dozen characters however long the invocation lives."""
        return (
            f"{_mark(invocation_id)}.{self.attempt}.{self.launch}.{self.stage:d}.{self.is_cancellation_sent:d}"
            f".{self.output_digest}.{self.log_lines}.{self.log_offset or ''}"
        )

    @classmethod
    def parse(cls, cursor: str, invocation_id: InvocationId) -> Self:
        """Raises OffsetIsInvalid for what is no cursor of this invocation's events."""
        found = _CURSOR.fullmatch(cursor)
        if found is None or found["invocation"] != _mark(invocation_id):
            raise OffsetIsInvalid
        attempt, stage = int(found["attempt"]), int(found["stage"])
        if stage not in (_STAGES if attempt else _STAGES_WITHOUT_EXECUTION):
            raise OffsetIsInvalid
        return cls(
            attempt=attempt,
            launch=int(found["launch"]),
            stage=Stage(stage),
            is_cancellation_sent=found["cancelled"] == "1",
            output_digest=found["output"] or "",
            log_offset=found["log"],
            log_lines=int(found["lines"]),
        )


def digest_of(output: str) -> str:
    """Tells outputs apart: 8 characters."""
    return base64.urlsafe_b64encode(hashlib.blake2b(output.encode(), digest_size=6).digest()).decode()


def _mark(invocation_id: InvocationId) -> str:
    return invocation_id[-8:]
