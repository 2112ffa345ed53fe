"""/docs and /redoc: the API's description for people, without a network. Where their files come from: README.md."""

from functools import partial
from importlib.resources import files

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

# Part of the files' addresses, so that browsers may keep them for ever.
VERSIONS = "swagger-ui-5.35.0-redoc-2.5.4"
_SCRIPT = "text/javascript"
FILES = {
    "docs.js": ("docs.js", _SCRIPT),
    "redoc.js": ("redoc.js", _SCRIPT),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", _SCRIPT),
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css"),
    "favicon-32x32.png": ("swagger-ui/favicon-32x32.png", "image/png"),
    "redoc.standalone.js": ("redoc/redoc.standalone.js", _SCRIPT),
}
# Both write styles into the page, and Redoc searches in a worker that it makes of a text.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_FOLDER = files("api.pages")


def add_pages(app: FastAPI) -> None:
    """The two pages, and what they are made of. They are no part of the description."""
    for name in ("docs", "redoc"):
        page = _FOLDER.joinpath(f"{name}.html").read_text(encoding="utf-8").replace("FILES", VERSIONS)
        app.router.add_route(f"/{name}", partial(_show, page), methods=["GET"], include_in_schema=False)
    app.router.add_route("/docs/files/{versions}/{name}", _read, methods=["GET"], include_in_schema=False)


async def _show(page: str, _: Request) -> Response:
    return HTMLResponse(page, headers=_HEADERS)


def _read(request: Request) -> Response:
    """In a thread: a file may be long."""
    if request.path_params["versions"] != VERSIONS or request.path_params["name"] not in FILES:
        return PlainTextResponse("Not Found", status_code=404)
    file, media_type = FILES[request.path_params["name"]]
    return Response(_FOLDER.joinpath(file).read_bytes(), media_type=media_type, headers=_FOREVER)
