"""The position of a reader in an invocation's events. The `id` of the last event holds all of it."""

import base64
import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.domain.identifiers import InvocationId

_CURSOR = re.compile(
    r"(?P<invocation>[0-9a-f]{8})\.(?P<attempt>[0-9]{1,9})\.(?P<launch>[0-9]{1,9})\.(?P<stage>[0-9]{1,2})"
    r"\.(?P<cancelled>[01])\.(?P<output>[A-Za-z0-9_-]{8})?\.(?P<lines>[0-9]{1,9})\.(?P<log>[0-9._-]{1,60})?",
    re.ASCII,
)


class Stage(IntEnum):
    """How far an execution's events have been sent, in their order. When a container replaces another one, the stage
    goes back to PROVISIONING. ENDED and OVER are stages of the invocation."""

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
    """`attempt`: counted from 1; 0 before the first execution. `output_digest`: of the progress sent last. The log was
    sent up to `log_lines` lines after `log_offset`, an offset of the provisioner; None is its beginning."""

    attempt: int = 0
    launch: int = 0
    stage: Stage = Stage.NOTHING
    is_cancellation_sent: bool = False
    output_digest: str = ""
    log_offset: str | None = None
    log_lines: int = 0

    def to_cursor(self, invocation_id: InvocationId) -> str:
        """The position as a URL-safe text of a few dozen characters."""
        return (
            f"{_mark(invocation_id)}.{self.attempt}.{self.launch}.{self.stage:d}.{self.is_cancellation_sent:d}"
            f".{self.output_digest}.{self.log_lines}.{self.log_offset or ''}"
        )

    @classmethod
    def parse(cls, cursor: str, invocation_id: InvocationId) -> Self:
        """The position in a cursor. Raises OffsetIsInvalid for any text that is no cursor of this invocation's
        events."""
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
    """A digest of an output: 8 URL-safe characters."""
    return base64.urlsafe_b64encode(hashlib.blake2b(output.encode(), digest_size=6).digest()).decode()


def _mark(invocation_id: InvocationId) -> str:
    return invocation_id[-8:]
