"""CONTROL_PLANE_CA_FILE: certificates of authorities that containers trust beside those of their images."""

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

_MAX_BYTES = 16 * 1024  # they stand in every task definition, of which ECS takes 64 KiB


def _are_certificates(path: Path) -> Path:
    try:
        text = path.read_text()
        ssl.create_default_context(cadata=text)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise ValueError(f"must name a file with certificates in PEM: {error}") from error
    if "PRIVATE KEY" in text:
        raise ValueError("must name a file without private keys, as its text goes to every container")
    if len(text) > _MAX_BYTES:
        raise ValueError(f"must name a file of at most {_MAX_BYTES:,} bytes: the authorities alone")
    return path


# An empty setting is none.
CertificateFile = Annotated[
    Annotated[Path, AfterValidator(_are_certificates)] | None, BeforeValidator(lambda it: it or None)
]
