"""Turns an answer of the API into its document, or into the error that it means."""

from typing import Any

import httpx2

from control_plane.access.server import Server
from control_plane.cli.client.errors import KeyIsRefused, NotFound, Refused, Unreachable


def document_of(response: httpx2.Response, server: Server) -> Any:
    """Raises KeyIsRefused, NotFound, Refused, and Unreachable if this is no answer of a control plane."""
    try:
        document = response.json()
        detail = "" if response.is_success else _text_of(document["detail"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(
            f"{server.api_url} (of {server.found_in}) answers {response.status_code} and is no control plane; "
            "is the address right?"
        ) from error
    if response.is_success:
        return document
    raise _refusal(response.status_code, detail, server)


def _refusal(status: int, detail: str, server: Server) -> Refused:
    if status == 403:
        line = (
            f"{server.api_url} refuses the API key ({server.key_found_in}); "
            f"ask for the right one, then run: control-plane login {server.api_url}"
        )
        return KeyIsRefused(line, status=status, detail=detail)
    kind = NotFound if status == 404 else Refused
    return kind(detail, status=status, detail=detail)


def _text_of(detail: Any) -> str:
    """A text; or of a 422, what is wrong with which field."""
    if isinstance(detail, str):
        return detail
    problem = detail[0]
    message = str(problem["msg"]).removeprefix("Value error, ")
    place = ".".join(str(part) for part in problem["loc"][1:])
    return message if message.startswith(place) else f"{place}: {message}"
