"""Styles and scripts, kept by browsers for as long as they are the same. Where those of others come from:
static/vendor/README.md."""

import hashlib
from importlib.resources import files

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_SCRIPT = "text/javascript"
_STYLE = "text/css"
_MEDIA_TYPES = {
    "charts.js": _SCRIPT,
    "console.css": _STYLE,
    "invocation.css": _STYLE,
    "invocation.js": _SCRIPT,
    "icon.svg": "image/svg+xml",
    "vendor/htmx.min.js": _SCRIPT,
    "vendor/htmx-sse.min.js": _SCRIPT,
    "vendor/uplot.min.css": _STYLE,
    "vendor/uplot.min.js": _SCRIPT,
}
_FOLDER = files("api.console").joinpath("static")
_CONTENTS = {name: _FOLDER.joinpath(name).read_bytes() for name in _MEDIA_TYPES}
_DIGEST = hashlib.sha256(b"".join(_CONTENTS[name] for name in sorted(_CONTENTS))).hexdigest()[:16]


def asset_url(name: str) -> str:
    """The path of a file, which changes with what the files hold. Raises KeyError if there is none of this name."""
    _ = _CONTENTS[name]
    return f"/ui/static/{_DIGEST}/{name}"


def add_assets(console: FastAPI) -> None:
    """Whoever has not logged in sees them too."""
    console.router.add_route("/ui/static/{digest}/{name:path}", _read, methods=["GET"])


async def _read(request: Request) -> Response:
    name = request.path_params["name"]
    if request.path_params["digest"] != _DIGEST or name not in _CONTENTS:
        return PlainTextResponse("Not Found", status_code=404)
    return Response(_CONTENTS[name], media_type=_MEDIA_TYPES[name], headers=_FOREVER)
