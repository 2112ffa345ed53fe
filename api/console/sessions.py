"""Sessions of people: a signed cookie and nothing else, so that any `api` process knows them.

Each is signed by a key that is derived from the root key with which its owner has logged in: it ends when that key is
taken away, and says nothing of it. It cannot be ended before its time otherwise: logging out takes away the cookie.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadData, Signer, URLSafeSerializer

LIFETIME = timedelta(hours=12)

_KIND = b"control-plane console session v1"
# Who has not logged in has a session too, for the form to log in: another salt, so that none is taken for the other.
_LOGGED_IN = "logged in"
_VISITING = "visiting"
_FORM = b"form"
_DIGEST = {"digest_method": hashlib.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`form_token`: stands in each form, and shows that it is from a page of this session."""

    cookie: str
    form_token: str

    def has_form_token(self, presented: str) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(self.form_token.encode(), presented.encode(errors="replace"))


def new_session(root_key: str) -> Session:
    """Of whoever has presented this root key."""
    return _new(root_key, _LOGGED_IN)


def new_visit(root_keys: tuple[str, ...]) -> Session:
    """Of somebody who has not logged in."""
    return _new(root_keys[0], _VISITING)


def find_session(root_keys: Iterable[str], cookie: str) -> Session | None:
    """None unless one of the root keys has signed it and its time is not over."""
    return _find(root_keys, cookie, _LOGGED_IN)


def find_visit(root_keys: Iterable[str], cookie: str) -> Session | None:
    """As `find_session`."""
    return _find(root_keys, cookie, _VISITING)


def _new(root_key: str, salt: str) -> Session:
    key = _derived(root_key)
    until = int(time.time() + LIFETIME.total_seconds())
    cookie = _serializer(key, salt).dumps([secrets.token_urlsafe(16), until])
    return _session(key, cookie if isinstance(cookie, str) else cookie.decode())


def _find(root_keys: Iterable[str], cookie: str, salt: str) -> Session | None:
    for key in map(_derived, root_keys):
        try:
            _, until = _serializer(key, salt).loads(cookie)
        except BadData:
            continue
        return _session(key, cookie) if time.time() < until else None
    return None


def _session(key: bytes, cookie: str) -> Session:
    form_token = Signer(key, salt=_FORM, digest_method=hashlib.sha256).get_signature(cookie)
    return Session(cookie=cookie, form_token=form_token.decode())


def _serializer(key: bytes, salt: str) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt=salt, signer_kwargs=_DIGEST)


def _derived(root_key: str) -> bytes:
    return hmac.new(root_key.encode(), _KIND, hashlib.sha256).digest()
