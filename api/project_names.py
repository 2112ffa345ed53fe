"""Names of projects that are to be made."""

from fastapi.exceptions import RequestValidationError

from api.schemas.bounded import proper_name
from control_plane_server.domain.bounds import MAX_PROJECT_NAME_LENGTH
from control_plane_server.domain.errors import ProjectNameIsTooLong


def ensure_creatable(project_name: str) -> None:
    """Raises ProjectNameIsTooLong, and RequestValidationError for a name that could not be named in a path."""
    try:
        proper_name(project_name)
    except ValueError as error:
        problem = {
            "type": "value_error",
            "loc": ("path", "project_name"),
            "msg": f"Value error, {error}",
            "input": project_name,
        }
        raise RequestValidationError([problem]) from error
    if len(project_name) > MAX_PROJECT_NAME_LENGTH:
        raise ProjectNameIsTooLong
