"""What the routes of a module are declared on."""

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute

from api.keyed_routes import KeyedRoute
from api.openapi import operation_id


def new_router(
    *, dependencies: Sequence[Depends] = (), responses: dict[int | str, dict[str, Any]] | None = None
) -> APIRouter:
    """For `add_routes`, with which routes take over nothing from their application: all that they need is here."""
    return APIRouter(
        route_class=KeyedRoute,
        dependencies=dependencies,
        responses=responses,
        generate_unique_id_function=operation_id,
        strict_content_type=False,
    )


def add_routes(app: FastAPI, routes: Iterable[APIRoute]) -> None:
    """Make the routes the application's own: a router that is included is looked through twice for every request.

    They are tried one by one, so the deepest are the first: containers and waiting clients ask for those.
    """
    deepest_first = sorted(routes, key=lambda route: route.path.count("/"), reverse=True)
    app.router.routes.extend(deepest_first)
