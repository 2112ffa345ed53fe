"""What a store holds: blobs, and a note of whose it is."""

import re
from dataclasses import dataclass
from datetime import datetime

# No id of a blob begins with a dot.
OWNER = ".control-plane"

# All ids of blobs begin so. In a bucket or a folder that others use, too, what is not an id is not ours.
ID_PREFIX = "blb-"
_ID = re.compile(ID_PREFIX + "[0-9a-f]{32}")


def is_blob_id(key: str) -> bool:
    """Whether an object of this name is one of a control plane."""
    return _ID.fullmatch(key) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """`key`: the blob's id. `size`: in bytes."""

    key: str
    size: int
    last_modified: datetime
