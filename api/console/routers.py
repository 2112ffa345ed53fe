"""Makes the routers on which modules declare their pages."""

from fastapi import APIRouter, Depends

from api.console.access import require_session


def page_router() -> APIRouter:
    """A router all of whose pages want a session, and the token of that session where they change something."""
    return APIRouter(dependencies=[Depends(require_session)])
