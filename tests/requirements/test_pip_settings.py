"""Whoever has set up pip has set up `make`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from requirements.pip_settings import environment_of_poetry, environment_of_uv
from requirements.sets import ROOT
from tests.requirements.interpreter import UV_PYTHON

PLAIN = {
    "index_url": "https://index.example/simple",
    "extra_index_urls": [],
    "find_links": [],
    "no_index": False,
    "trusted_hosts": [],
    "cert": None,
    "client_cert": None,
    "proxy": "",
    "timeout": 15.0,
}
_PRINT = """
import json
from requirements.pip_settings import environment_of_uv, read_pip_settings
print(json.dumps(environment_of_uv(read_pip_settings())))
"""


def test_pip_s_own_words(tmp_path: Path) -> None:
    """Of a real pip: a file of settings, and a variable that wins over it."""
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = https://file.example/simple\ncert = /of/the/file.pem\n"
        "extra-index-url = https://one.example/simple\n    https://two.example/simple\nfind-links = /wheels\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    printed = subprocess.run(
        (UV_PYTHON, "-c", _PRINT),
        cwd=ROOT,
        env={**kept, "PIP_CONFIG_FILE": str(settings), "PIP_INDEX_URL": "https://variable.example/simple"},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    variables = json.loads(printed)
    assert variables["UV_DEFAULT_INDEX"] == "https://variable.example/simple"
    assert variables["SSL_CERT_FILE"] == "/of/the/file.pem"
    assert variables["UV_INDEX"].endswith("https://one.example/simple https://two.example/simple")
    assert variables["UV_FIND_LINKS"].endswith("/wheels")


def test_nothing_is_said_of_what_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert environment_of_uv(PLAIN) == {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_SYSTEM_CERTS": "1",
        "UV_HTTP_TIMEOUT": "30",
    }


def test_what_a_company_sets() -> None:
    variables = environment_of_uv(
        {
            **PLAIN,
            "no_index": True,
            "find_links": ["/one", "/two"],
            "trusted_hosts": ["one.example", "two.example"],
            "cert": "/ca.pem",
            "client_cert": "/me.pem",
            "proxy": "http://proxy.example:3128",
            "timeout": 180,
        }
    )
    assert variables == {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": "/one,/two",
        "UV_INSECURE_HOST": "one.example two.example",
        "SSL_CERT_FILE": "/ca.pem",
        "SSL_CLIENT_CERT": "/me.pem",
        "ALL_PROXY": "http://proxy.example:3128",
        "UV_HTTP_TIMEOUT": "180",
    }


def test_poetry_asks_the_index_that_pip_asks() -> None:
    assert environment_of_poetry({**PLAIN, "cert": "/ca.pem"}) == {
        "POETRY_PYPI_MIRROR_URL": "https://index.example/simple",
        "REQUESTS_CA_BUNDLE": "/ca.pem",
    }
