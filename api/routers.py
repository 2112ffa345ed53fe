"""Makes the routers on which modules declare their routes."""

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute

from api.keyed_routes import KeyedRoute
from api.openapi import operation_id
from api.tags import Tag


def new_router(
    *tags: Tag, dependencies: Sequence[Depends] = (), responses: dict[int | str, dict[str, Any]] | None = None
) -> APIRouter:
    """A router for `add_routes`, all of whose operations are of these groups. Its routes inherit nothing from the
    application, so all their settings are here."""
    return APIRouter(
        route_class=KeyedRoute,
        tags=list(tags),
        dependencies=dependencies,
        responses=responses,
        generate_unique_id_function=operation_id,
        strict_content_type=False,
    )


def add_routes(app: FastAPI, routes: Iterable[APIRoute]) -> None:
    """Add the routes to the application itself: the routes of an included router are matched twice for every request.

    Routes are matched one by one, so those of containers are the first, and the deepest, which waiting clients request.
    """
    ordered = sorted(routes, key=lambda route: (Tag.CONTAINERS not in route.tags, -route.path.count("/")))
    app.router.routes.extend(ordered)
