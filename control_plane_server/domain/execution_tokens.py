"""The tokens that containers hold in place of a root key.

Derived, never drawn, so that a repeated launch request is byte-identical.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from control_plane_server.domain.identifiers import ExecutionId, WarmContainerId

_EXECUTION = b"control-plane execution token v1:"
_LAUNCH = b"control-plane launch token v1:"
_CONTAINER = b"control-plane container token v1:"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOwner:
    """`launch`: the only one whose reports the token is good for; None: of any."""

    execution_id: ExecutionId
    launch: int | None = None


def execution_token(root_key: str, execution_id: ExecutionId) -> str:
    """The token of an execution: its id, a dot, and an HMAC-SHA256 of the id under the root key, in hex."""
    return _signed(root_key, _EXECUTION, execution_id)


def launch_token(root_key: str, execution_id: ExecutionId, launch: int) -> str:
    """The token of one launch of an execution: the execution's id, a dot, the launch, a dot, and the HMAC of both."""
    return _signed(root_key, _LAUNCH, f"{execution_id}.{launch}")


def container_token(root_key: str, container_id: WarmContainerId) -> str:
    """The token of a warm container, for what it asks before and between executions: its id, a dot, and the HMAC."""
    return _signed(root_key, _CONTAINER, container_id)


def execution_of_token(root_keys: Iterable[str], token: str) -> TokenOwner | None:
    """Whose a token is: an execution's, or a launch's; None unless one of the root keys signed it. Compares in constant
    time."""
    execution_id, _, rest = token.partition(".")
    number = rest.partition(".")[0] if "." in rest else None
    if number is None:
        is_signed = _is_signed(root_keys, _EXECUTION, execution_id, token)
        return TokenOwner(execution_id=ExecutionId(execution_id)) if is_signed else None
    is_signed = _is_signed(root_keys, _LAUNCH, f"{execution_id}.{number}", token)
    return TokenOwner(execution_id=ExecutionId(execution_id), launch=int(number)) if is_signed else None


def container_of_token(root_keys: Iterable[str], token: str) -> WarmContainerId | None:
    """The warm container that a token belongs to; None unless one of the root keys signed it as that. Compares in
    constant time."""
    container_id = token.partition(".")[0]
    return WarmContainerId(container_id) if _is_signed(root_keys, _CONTAINER, container_id, token) else None


def _signed(root_key: str, kind: bytes, text: str) -> str:
    signature = hmac.new(root_key.encode(), kind + _to_bytes(text), hashlib.sha256)
    return f"{text}.{signature.hexdigest()}"


def _is_signed(root_keys: Iterable[str], kind: bytes, text: str, token: str) -> bool:
    presented = _to_bytes(token)
    matches = [hmac.compare_digest(_to_bytes(_signed(key, kind, text)), presented) for key in root_keys]
    return any(matches)


def _to_bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
