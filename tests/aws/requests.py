"""AWS requests and answers over HTTP: which action, with what, and how an error is written."""

import json
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from aiohttp import web

from tests.aws.errors import AwsError
from tests.aws.wire import Document

_JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """`action` is empty for what is no request to AWS's JSON or query protocols."""

    service: str
    action: str
    parameters: Document
    body: bytes
    is_json: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def error_code(self) -> str | None:
        """None for a success."""
        if self.status < 400:
            return None
        try:
            return str(json.loads(self.body)["__type"]).rpartition("#")[2]
        except (ValueError, KeyError, TypeError):
            return str(self.status)

    def response(self) -> web.Response:
        return web.Response(status=self.status, body=self.body or None, headers=self.headers)


def parsed(request: web.Request, body: bytes) -> AwsRequest:
    target = request.headers.get("X-Amz-Target")
    service = _signed_service(request.headers.get("Authorization", ""))
    if target is not None:
        return AwsRequest(service, target.rpartition(".")[2], json.loads(body or b"{}"), body, is_json=True)
    form = request.content_type == "application/x-www-form-urlencoded"
    parameters: Document = dict(parse_qsl(body.decode())) if form else dict(request.query)
    return AwsRequest(service, str(parameters.get("Action", "")), parameters, body, is_json=False)


def success(document: Document) -> Answer:
    return Answer(200, json.dumps(document).encode(), _headers(_JSON))


def failure(error: AwsError, *, is_json: bool) -> Answer:
    if is_json:
        document = {"__type": error.code, "message": error.message, **error.fields}
        return Answer(error.status, json.dumps(document).encode(), _headers(_JSON))
    text = f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
    return Answer(error.status, f"<ErrorResponse>{text}</ErrorResponse>".encode(), _headers("text/xml"))


def _headers(content_type: str) -> list[tuple[str, str]]:
    return [("Content-Type", content_type), ("x-amzn-RequestId", str(uuid.uuid4()))]


def _signed_service(authorization: str) -> str:
    """The service in the credential scope: key/date/region/service/aws4_request."""
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) == 5 else ""
