"""What a supervisor has to run. It is passed on stdin, as it holds the container's token."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Folders are absolute paths; `environment` is all that the container gets."""

    container_folder: str
    image_folder: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(repr=False)
    stop_grace_seconds: float
    memory_mib: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Assignment":
        return cls(**json.loads(text))
