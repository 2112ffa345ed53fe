"""The index and the certificates that pip is configured with, for uv and Poetry, which do not ask pip.

A mirror or a company's certificate is set up on a machine for pip, by its files or by PIP_INDEX_URL, PIP_CERT and the
like (https://pip.pypa.io/en/stable/topics/configuration/); whoever did so has nothing more to set up for `make`.
"""

import importlib
import ssl
import sys
from collections.abc import Mapping
from typing import Any


def read_pip_settings() -> Mapping[str, Any]:
    """The defaults of the options of `pip install`, by the names that pip gives them. Needs an interpreter with pip."""
    command = importlib.import_module("pip._internal.commands.install").InstallCommand("install", "")
    settings: Mapping[str, Any] = vars(command.parser.get_default_values())
    return settings


def environment_of_uv(pip: Mapping[str, Any]) -> dict[str, str]:
    """Variables that have uv go where pip would go, see https://docs.astral.sh/uv/reference/environment/."""
    variables = {
        "UV_DEFAULT_INDEX": pip["index_url"],
        "UV_INDEX": " ".join(pip["extra_index_urls"]),
        # pip takes a file from whichever index has it; that the hashes are known makes it safe.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": ",".join(pip["find_links"]),
        "UV_NO_INDEX": "1" if pip["no_index"] else "",
        "UV_INSECURE_HOST": " ".join(pip["trusted_hosts"]),
        "SSL_CERT_FILE": pip["cert"],
        "SSL_CLIENT_CERT": pip["client_cert"],
        "UV_SYSTEM_CERTS": "1" if pip["cert"] is None and _system_has_certificates() else "",
        "ALL_PROXY": pip["proxy"],
        "UV_HTTP_TIMEOUT": str(round(max(pip["timeout"], 30))),
    }
    return {name: value for name, value in variables.items() if value}


def environment_of_poetry(pip: Mapping[str, Any]) -> dict[str, str]:
    """By itself Poetry asks the public index for its JSON, which mirrors do not serve; its plugin asks a mirror."""
    variables = {"POETRY_PYPI_MIRROR_URL": pip["index_url"], "REQUESTS_CA_BUNDLE": pip["cert"]}
    return {name: value for name, value in variables.items() if value}


def _system_has_certificates() -> bool:
    paths = ssl.get_default_verify_paths()
    return sys.platform == "darwin" or paths.cafile is not None or paths.capath is not None
