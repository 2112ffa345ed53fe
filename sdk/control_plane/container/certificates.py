"""Whose certificates this program trusts, in whatever image it runs."""

from __future__ import annotations

import functools
import os
import ssl

# Beside this package, where the control plane has put it.
_BUNDLE = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "ca-certificates.pem"
)
_OF_THE_OPERATOR = "CONTROL_PLANE_CA_CERTIFICATES"
_CHOSEN_BY_USERS = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def lend_certificates(bundle: str = _BUNDLE) -> None:
    """To an image that has none of its own: by the variable that OpenSSL reads, so that what the code starts has them
    too. What an image or its user has chosen stays."""
    if any(name in os.environ for name in _CHOSEN_BY_USERS) or _image_has_some() or not os.path.isfile(bundle):
        return
    os.environ["SSL_CERT_FILE"] = bundle


@functools.lru_cache(maxsize=None)  # it takes longer than a request
def trust() -> ssl.SSLContext:
    """For connections of ours: what the image trusts, and whom the operator names beside. Raises SSLError."""
    context = ssl.create_default_context()
    authorities = os.environ.get(_OF_THE_OPERATOR)
    if authorities:
        context.load_verify_locations(cadata=authorities)
    return context


def _image_has_some() -> bool:
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None and os.path.getsize(paths.cafile) > 0:
        return True
    return paths.capath is not None and len(os.listdir(paths.capath)) > 0
