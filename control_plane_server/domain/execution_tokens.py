"""The token that an execution's container holds in place of a root key.

Derived, never drawn, so that a repeated launch request is byte-identical.
"""

import hashlib
import hmac
from collections.abc import Iterable

from control_plane_server.domain.identifiers import ExecutionId

_CONTEXT = b"control-plane execution token v1:"


def execution_token(root_key: str, execution_id: ExecutionId) -> str:
    """The token of an execution: its id, a dot, and an HMAC-SHA256 of the id under the root key, in hex."""
    signature = hmac.new(root_key.encode(), _CONTEXT + _to_bytes(execution_id), hashlib.sha256)
    return f"{execution_id}.{signature.hexdigest()}"


def execution_of_token(root_keys: Iterable[str], token: str) -> ExecutionId | None:
    """The execution that a token belongs to; None unless one of the root keys signed it. Compares in constant time."""
    execution_id = ExecutionId(token.partition(".")[0])
    presented = _to_bytes(token)
    matches = [hmac.compare_digest(_to_bytes(execution_token(key, execution_id)), presented) for key in root_keys]
    return execution_id if any(matches) else None


def _to_bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
