"""Over TLS a connection can be read from before there is an answer, and is kept all the same."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.api_stub import StubState, serving
from tests.sdk.certificates import Certificate, write_certificate
from tests.sdk.conftest import StartContainer
from tests.sdk.warm.conftest import StartWarm


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return write_certificate(tmp_path)


@pytest.fixture
def url(state: StubState, certificate: Certificate) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain)
    with serving(state, tls=context) as url:
        yield url


def test_a_plain_execution_takes_one_connection(
    state: StubState, start_container: StartContainer, url: str, certificate: Certificate
) -> None:
    variables = {"MULTINODE_API_URL": url, "SSL_CERT_FILE": str(certificate.authority)}
    assert start_container("def f(): return 1", **variables).report()["final_output"] == "1"
    assert len(state.connections) == 1


def test_a_warm_container_hears_of_ends_and_of_stops(
    state: StubState, start_warm: StartWarm, url: str, certificate: Certificate
) -> None:
    container = start_warm(
        """
        import time

        def f(seconds):
            print("ready", flush=True)
            time.sleep(seconds)
            return seconds
        """,
        MULTINODE_API_URL=url,
        SSL_CERT_FILE=str(certificate.authority),
    )
    assert [container.output(seconds) for seconds in (0, 0, 0.7)] == [0, 0, 0.7]
    for _ in range(3):
        container.read_ready()
    assert len(state.connections) <= 7  # 1 for the import, 2 for what is next, 1 for each execution
    execution_id = container.begin(600)
    container.read_ready()
    container.stop(execution_id)
    assert container.wait(execution_id) == 143
    assert container.output(0) == 0
