"""The console: pages for people under /ui, an application of its own within the API's, so that errors are pages too."""

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route

from api.console.assets import add_assets
from api.console.error_pages import add_error_pages
from api.console.page_headers import PageHeaders
from api.console.routes import (
    batches,
    children,
    functions,
    invocation_actions,
    invocation_texts,
    invocations,
    overview,
    projects,
    sessions,
    submits,
)
from api.redirects import redirect_trailing_slashes
from api.routers import add_routes
from api.services import Services

_ROUTERS = (
    sessions.router,
    overview.router,
    projects.router,
    functions.router,
    invocations.router,
    invocation_texts.router,
    invocation_actions.router,
    children.router,
    batches.router,
    submits.router,
)


def add_console(app: FastAPI, services: Services) -> None:
    """Have the application answer what begins with /ui. The pages are no part of its description."""
    console = create_console()
    console.state.services = services
    pages = PageHeaders(console)  # around everything, pages of defects included
    # Routes and no mount, which would hide where the pages are from their own routes, and so from metrics.
    for path in ("/ui", "/ui/{path:path}"):
        app.router.routes.append(Route(path, pages, include_in_schema=False))


def create_console() -> FastAPI:
    """Without services: enough to be described, not to be called."""
    console = FastAPI(openapi_url=None, telemetry={"tracing": False, "metrics": False, "logs": False})
    add_error_pages(console)
    add_assets(console)
    add_routes(console, [route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute)])
    redirect_trailing_slashes(console)
    return console
