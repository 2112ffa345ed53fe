"""The keys that values of secrets are encrypted with: Fernet, AES-128 in CBC with an HMAC (cryptography.io)."""

import base64
import binascii
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken

from control_plane_server.domain.errors import SecretsAreNotConfigured, SecretsAreUnreadable

_KEY_BYTES = 32


class KeyIsMalformed(ValueError):
    """A key is not 32 bytes in base64"""


class SecretKeys:
    """The first encrypts, all decrypt. There may be none. A key is known by its fingerprint, which tells nothing about
    it."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        """`keys`: 32 bytes each, in base64. Raises KeyIsMalformed."""
        self._fernets = {_fingerprint(key): Fernet(base64.urlsafe_b64encode(key)) for key in map(_decoded, keys)}

    @property
    def first(self) -> str:
        """The fingerprint of the key that encrypts. Raises SecretsAreNotConfigured."""
        if not self._fernets:
            raise SecretsAreNotConfigured
        return next(iter(self._fernets))

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Of all keys, in their order."""
        return tuple(self._fernets)

    def encrypt(self, value: str) -> str:
        """With the first key. Raises SecretsAreNotConfigured."""
        return self._fernets[self.first].encrypt(value.encode()).decode()

    def decrypt(self, encrypted: str, *, fingerprint: str) -> str:
        """Raises SecretsAreUnreadable if the key of this fingerprint is not there, or did not encrypt this."""
        try:
            return self._fernets[fingerprint].decrypt(encrypted).decode()
        except (KeyError, InvalidToken):
            raise SecretsAreUnreadable from None


def _decoded(key: str) -> bytes:
    """Of either alphabet of base64."""
    try:
        decoded = base64.b64decode(key.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise KeyIsMalformed from None
    if len(decoded) != _KEY_BYTES:
        raise KeyIsMalformed
    return decoded


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]
