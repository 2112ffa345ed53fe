"""An API that a container cannot reach: it says so by its exit code and by one line, and soon where it never could."""

import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from control_plane.container.api import Api
from control_plane.container.transport import Transport
from control_plane.protocol.steps import Lost, Request

from tests.sdk.api_stub import StubState, running, serving
from tests.sdk.certificates import Certificate, write_certificate
from tests.sdk.conftest import ROOT, StartContainer

SOURCE = "def f():\n    return 1"
# The program as it is, but for how long it waits for a first contact.
IMPATIENT = (
    "-c",
    f"""
import sys
sys.path.insert(0, {str(ROOT / "sdk")!r})
from control_plane.container import program, worker
worker.FIRST_CONTACT_SECONDS = 0.2
sys.exit(program.main())
""",
)


class Elsewhere(BaseHTTPRequestHandler):
    """What a load balancer answers that knows no such address."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"<html>There is nothing here</html>")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with running(ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return write_certificate(tmp_path)


@pytest.fixture
def untrusted(state: StubState, certificate: Certificate) -> Iterator[str]:
    """The API, with a certificate that nobody has heard of."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain)
    with serving(state, tls=context) as url:
        yield url


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_certificate_that_is_not_trusted_ends_a_container_at_once(
    start_container: StartContainer, untrusted: str
) -> None:
    code, stdout, stderr = start_container(SOURCE, MULTINODE_API_URL=untrusted).wait()
    assert (code, stdout) == (78, "")
    (line,) = stderr.splitlines()
    assert line.startswith("This container could not reach MULTINODE_API_URL")
    assert "CERTIFICATE_VERIFY_FAILED" in line
    assert untrusted in line


@pytest.mark.parametrize("variable", ["CONTROL_PLANE_CA_CERTIFICATES", "SSL_CERT_FILE"])
def test_who_the_operator_or_the_image_names_is_trusted(
    start_container: StartContainer, untrusted: str, certificate: Certificate, variable: str
) -> None:
    file = certificate.authority
    value = file.read_text() if variable == "CONTROL_PLANE_CA_CERTIFICATES" else str(file)
    assert start_container(SOURCE, MULTINODE_API_URL=untrusted, **{variable: value}).report()["final_output"] == "1"


@pytest.mark.parametrize("address", ["nobody", "elsewhere"])
def test_an_address_that_was_never_right_ends_a_container_soon(
    start_container: StartContainer, address: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(address)
    code, stdout, stderr = start_container(SOURCE, program=IMPATIENT, MULTINODE_API_URL=url).wait()
    assert (code, stdout) == (78, "")
    (line,) = stderr.splitlines()
    assert line.startswith("This container could not reach MULTINODE_API_URL")


def test_a_function_may_end_with_the_same_code(state: StubState, start_container: StartContainer) -> None:
    container = start_container("import sys\n\ndef f():\n    sys.exit(78)")
    assert container.report()["error_message"] == "SystemExit: 78"
    assert state.starts == ["exe-1"]


def test_what_has_answered_once_may_be_away_for_longer(state: StubState) -> None:
    with serving(state) as url:
        api = Api(url, state.api_key, first_contact_seconds=0.0)
        assert api.peer.patience.foreign == 0.0
        api.request("GET", "/projects/p/versions/ver-1/functions/f/invocations/inv-p/executions/exe-1")
    with pytest.raises(Lost) as lost:
        api.transport.send(Request("GET", "/"))
    assert lost.value.patience_seconds is None
    assert api.peer.patience.foreign == api.peer.patience.unheard >= 600


@pytest.mark.parametrize(("first_contact_seconds", "patience_seconds"), [(5.0, 5.0), (None, None)])
def test_what_has_never_answered_is_waited_for_as_long_as_the_program_says(
    nobody: str, first_contact_seconds: float | None, patience_seconds: float | None
) -> None:
    """Users' own processes, which begin when a first contact has long been made, say nothing."""
    with pytest.raises(Lost) as lost:
        Transport(nobody, "key", first_contact_seconds=first_contact_seconds).send(Request("GET", "/"))
    assert lost.value.patience_seconds == patience_seconds
