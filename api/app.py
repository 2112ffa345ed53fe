"""The application: routes, errors, limits and the document, put together in one place."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.bodies import BodyLimit
from api.console.app import add_console
from api.errors import add_error_handlers
from api.head_requests import HeadRequests
from api.metrics import RequestDurations
from api.openapi import use_openapi_3_0
from api.pages.pages import add_pages
from api.redirects import redirect_trailing_slashes
from api.request_ids import RequestIds
from api.request_spans import RequestSpans
from api.routers import add_routes
from api.routes import (
    batches,
    batches_by_id,
    blobs,
    checkpoints,
    container_repository,
    costs,
    events,
    executions,
    health,
    invocation_results,
    invocations,
    invocations_by_id,
    pauses,
    project_invocations,
    projects,
    replays,
    schedules,
    secrets,
    versions,
    warm_containers,
    webhooks,
)
from api.schemas.batches import BatchDefinition
from api.schemas.results import ResultLine
from api.services import Services

_PRODUCT = "control-plane"
_ROUTERS = (
    health.router,
    projects.router,
    versions.router,
    pauses.router,
    invocations.router,
    invocations_by_id.router,
    project_invocations.router,
    replays.router,
    invocation_results.router,
    batches.router,
    batches_by_id.router,
    blobs.router,
    secrets.router,
    schedules.router,
    webhooks.router,
    events.router,
    executions.router,
    checkpoints.router,
    warm_containers.router,
    costs.router,
    container_repository.router,
)


def create_app(services: Services, *, has_console: bool = False) -> FastAPI:
    """The application that uses these services. The caller closes them."""
    app = describe_app()
    if has_console:
        add_console(app, services)
    if services.spans is not None:
        app.add_middleware(RequestSpans, spans=services.spans)
    app.state.services = services
    return app


def describe_app() -> FastAPI:
    """The application without services: enough to be described, not to be called."""
    app = FastAPI(
        title=_PRODUCT,
        version=version(_PRODUCT),
        separate_input_output_schemas=False,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours are in `request_spans` and `metrics`
    )
    add_error_handlers(app)
    app.add_middleware(HeadRequests)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestDurations)
    app.add_middleware(RequestIds)
    routes = [route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    add_routes(app, routes)
    add_pages(app)
    redirect_trailing_slashes(app)
    use_openapi_3_0(app, routes, models=(BatchDefinition, ResultLine))
    return app
