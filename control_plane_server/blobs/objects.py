"""What a store holds: blobs, and a note of whose it is."""

from dataclasses import dataclass
from datetime import datetime

# No id of a blob begins with a dot.
OWNER = ".control-plane"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """`key`: the blob's id. `size`: in bytes."""

    key: str
    size: int
    last_modified: datetime
