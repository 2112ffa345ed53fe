"""A path with a slash at its end is redirected to the one without, on whatever host the client has reached us by."""

from urllib.parse import quote

from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


def redirect_trailing_slashes(app: FastAPI) -> None:
    """The location has no host: Starlette's own redirect takes it from the request, where anything may stand."""
    router = app.router
    router.redirect_slashes = False
    not_found = router.default

    async def redirect_or_not_found(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].rstrip("/")
        is_known = path != scope["path"] and any(
            route.matches({**scope, "path": path})[0] is not Match.NONE for route in router.routes
        )
        if scope["type"] != "http" or not is_known:
            await not_found(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        location = quote(path, safe="/") + ("?" + query if query else "")
        await Response(status_code=307, headers={"Location": location})(scope, receive, send)

    router.default = redirect_or_not_found
