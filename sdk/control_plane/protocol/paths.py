"""Where things are in the API."""

from __future__ import annotations

from typing import Mapping, Sequence, Union
from urllib.parse import quote, urlencode

Query = Mapping[str, Union[str, float, Sequence[str], None]]

NO_QUERY: Query = {}
LATEST = "latest"


def project_path(project: str) -> str:
    return "/projects/" + escaped(project)


def secret_path(project: str, name: str) -> str:
    return "%s/secrets/%s" % (project_path(project), escaped(name))


def schedule_path(project: str, name: str) -> str:
    return "%s/schedules/%s" % (project_path(project), escaped(name))


def version_path(project: str, version: str = LATEST) -> str:
    return "%s/versions/%s" % (project_path(project), escaped(version))


def function_path(project: str, version: str, function: str) -> str:
    return "%s/functions/%s" % (version_path(project, version), escaped(function))


def pausable_path(project: str, function: str | None) -> str:
    """Of a project, or of one of its functions, whose pause is one of all its versions."""
    return project_path(project) if function is None else function_path(project, LATEST, function)


def invocation_path(document: Mapping[str, str]) -> str:
    """Of an invocation as the API gives it."""
    function = function_path(document["project_name"], document["version_id"], document["function_name"])
    return "%s/invocations/%s" % (function, escaped(document["invocation_id"]))


def invocation_by_id_path(invocation_id: str) -> str:
    """Wherever it is; for keys that may see all of its project."""
    return "/invocations/" + escaped(invocation_id)


def batch_path(document: Mapping[str, str]) -> str:
    """Of a batch as the API gives it; a replay is of no function."""
    if document["function_name"] is None:
        return batch_by_id_path(document["batch_id"])
    function = function_path(document["project_name"], document["version_id"], document["function_name"])
    return "%s/batches/%s" % (function, escaped(document["batch_id"]))


def batch_by_id_path(batch_id: str) -> str:
    return "/batches/" + escaped(batch_id)


def with_query(path: str, query: Query) -> str:
    """What is None is left out; a sequence is a name that is there several times."""
    given = {name: value for name, value in query.items() if value is not None}
    return "%s?%s" % (path, urlencode(given, doseq=True)) if given else path


def escaped(name: str) -> str:
    return quote(name, safe="")
