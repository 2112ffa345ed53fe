"""What uv and Poetry are told of what pip is configured with."""

import sys

import pytest

from requirements.pip_settings import environment_of_poetry, environment_of_uv

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
