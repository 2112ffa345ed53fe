"""Where pages are. Names of users' things may hold any character, and are escaped."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

OVERVIEW = "/ui"
LOGIN = "/ui/login"
LOGOUT = "/ui/logout"


def project(project_name: str) -> str:
    return f"/ui/projects/{_escaped(project_name)}"


def project_versions(project_name: str) -> str:
    return f"{project(project_name)}/versions"


def project_invocations(project_name: str, *fields: tuple[str, str]) -> str:
    """`fields`: of the form on that page."""
    return with_query(f"{project(project_name)}/invocations", fields)


def function(project_name: str, function_name: str, *fields: tuple[str, str]) -> str:
    """`fields`: of the form on that page."""
    return with_query(f"{project(project_name)}/functions/{_escaped(function_name)}", fields)


def function_day(project_name: str, function_name: str) -> str:
    return f"{function(project_name, function_name)}/day"


def function_series(project_name: str, function_name: str) -> str:
    return f"{function(project_name, function_name)}/series"


def invocation(invocation_id: str) -> str:
    return f"/ui/invocations/{_escaped(invocation_id)}"


def invocation_part(invocation_id: str, name: str, *fields: tuple[str, str]) -> str:
    """What belongs to an invocation: `live`, `log`, `log.txt`, `input`, `output`, `children`, `tree`,
    `cancel`, `replay`."""
    return with_query(f"{invocation(invocation_id)}/{name}", fields)


def submit(project_name: str, function_name: str, *fields: tuple[str, str]) -> str:
    """The form that calls a function."""
    return with_query(f"{function(project_name, function_name)}/submit", fields)


def function_batches(project_name: str, function_name: str) -> str:
    return f"{function(project_name, function_name)}/batches"


def batch(batch_id: str, *fields: tuple[str, str]) -> str:
    """`fields`: of the form on that page."""
    return with_query(f"/ui/batches/{_escaped(batch_id)}", fields)


def batch_part(batch_id: str, name: str) -> str:
    """What belongs to a batch: `progress`, `cancel`, `replay`."""
    return f"{batch(batch_id)}/{name}"


def login(next_path: str) -> str:
    """`next_path`: where to go on afterwards."""
    return LOGIN if next_path == OVERVIEW else with_query(LOGIN, [("next", next_path)])


def with_query(path: str, fields: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(fields)}" if fields else path


def _escaped(name: str) -> str:
    return quote(name, safe="")
