"""Paths as clients write them: project, version or `latest`, function, invocation, execution; and which part is
missing."""

import re
from dataclasses import dataclass
from typing import TypeVarTuple

from sqlalchemy import Boolean, Row, Select, Text, and_, bindparam, case, func, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import ScalarSelect

from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow, ProjectRow, VersionRow
from control_plane_server.domain.entities import ParentRef
from control_plane_server.domain.errors import (
    ExecutionDoesNotExist,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    NotFound,
    ProjectDoesNotExist,
    VersionDoesNotExist,
)

_Columns = TypeVarTuple("_Columns")

_LATEST = "latest"
_PARTS: tuple[tuple[str, type[NotFound]], ...] = (
    ("versions_version_id", VersionDoesNotExist),
    ("functions_function_id", FunctionDoesNotExist),
    ("invocations_invocation_id", InvocationDoesNotExist),
    ("executions_execution_id", ExecutionDoesNotExist),
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionPath:
    """As a client wrote it: nothing in it is known to exist. `version_ref` is a version id, or `latest` in any case:
    the version declared last, if none of its functions is refused for good, else the last one of which that is true; if
    it is true of none, the last one all the same. An invocation is found under `latest` in whatever version it is."""

    project_name: str
    version_ref: str
    function_name: str

    @property
    def is_latest(self) -> bool:
        return _is_latest(self.version_ref)

    @property
    def parameters(self) -> dict[str, object]:
        """For statements `along_function`."""
        return version_parameters(self.project_name, self.version_ref) | {_FUNCTION.key: searchable(self.function_name)}

    def parameters_of_callee(self, parent: ParentRef) -> dict[str, object]:
        """For statements `along_callee`."""
        return self.parameters | {
            PARENT_FUNCTION_NAME.key: searchable(parent.function_name),
            INVOCATION.key: searchable(parent.invocation_id),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationPath:
    function: FunctionPath
    invocation_id: str

    @property
    def parameters(self) -> dict[str, object]:
        """For statements `along_invocation`."""
        return self.function.parameters | {INVOCATION.key: searchable(self.invocation_id)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPath:
    """Under `latest` the batch is found in whatever version it is."""

    function: FunctionPath
    batch_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPath:
    """`launch`: whose container writes at this path, which it may only while it is the newest; None: whoever it is."""

    invocation: InvocationPath
    execution_id: str
    launch: int | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """For statements `along_execution`."""
        return self.invocation.parameters | {_EXECUTION.key: searchable(self.execution_id)}


def version_parameters(project_name: str, version_ref: str) -> dict[str, object]:
    """For statements `along_version`."""
    return {
        PROJECT.key: searchable(project_name),
        _VERSION.key: searchable(version_ref),
        _IS_LATEST.key: _is_latest(version_ref),
    }


def _is_latest(version_ref: str) -> bool:
    return version_ref.lower() == _LATEST


def searchable(text: str) -> str:
    """The text as PostgreSQL can compare it: characters that it cannot store become one that no stored name has."""
    return _UNSTORABLE.sub("\x01", text)


def is_storable(text: str) -> bool:
    """False for texts with NUL characters or lone surrogates."""
    return _UNSTORABLE.search(text) is None


# Each statement is built once, when its module is loaded, and has parameters: building one for every request takes
# several times as long as PostgreSQL needs to run it.
PROJECT = bindparam("path_project", type_=Text)
_VERSION = bindparam("path_version", type_=Text)
# Written into the statement, so that PostgreSQL plans each of the two cases once. With a parameter, the cost of
# `latest` would be part of every plan, and each statement would be planned anew each time.
_IS_LATEST = bindparam("path_is_latest", type_=Boolean, literal_execute=True)
_FUNCTION = bindparam("path_function", type_=Text)
PARENT_FUNCTION_NAME = bindparam("path_parent_function", type_=Text)
INVOCATION = bindparam("path_invocation", type_=Text)
_EXECUTION = bindparam("path_execution", type_=Text)

_CANDIDATE = aliased(VersionRow, name="candidate")
_CANDIDATE_FUNCTION = aliased(FunctionRow, name="candidate_function")
_NEWEST = (
    select(_CANDIDATE.version_id)
    .where(_CANDIDATE.project_name == PROJECT)
    .order_by(_CANDIDATE.declaration_number.desc())
    .limit(1)
)


def has_refused_function(version: type[VersionRow]) -> ColumnElement[bool]:
    """Whether a function of the version is refused for good."""
    return (
        select(_CANDIDATE_FUNCTION.function_id)
        .where(_CANDIDATE_FUNCTION.version_id == version.version_id, _CANDIDATE_FUNCTION.preparation_error.is_not(None))
        .exists()
    )


LATEST_VERSION = func.coalesce(
    _NEWEST.where(~has_refused_function(_CANDIDATE)).scalar_subquery(), _NEWEST.scalar_subquery()
)
_WANTED = aliased(InvocationRow, name="wanted")
# A subquery, as a join may be planned as a merge that reads all functions up to the wanted one.
_FUNCTION_OF_INVOCATION = select(_WANTED.function_id).where(_WANTED.invocation_id == INVOCATION).scalar_subquery()


def _version_of_invocation(function_name: ColumnElement[str]) -> ScalarSelect[str]:
    """Null unless it is one of this function, in the project."""
    return (
        select(_CANDIDATE.version_id)
        .join(_CANDIDATE_FUNCTION, _CANDIDATE_FUNCTION.version_id == _CANDIDATE.version_id)
        .where(
            _CANDIDATE.project_name == PROJECT,
            _CANDIDATE_FUNCTION.function_name == function_name,
            _CANDIDATE_FUNCTION.function_id == _FUNCTION_OF_INVOCATION,
        )
        .scalar_subquery()
    )


# Of a row that is known to be of the project. The newest version is looked for only if `latest` is asked for.
_VERSION_MATCHES: ColumnElement[bool] = VersionRow.version_id == case((_IS_LATEST, LATEST_VERSION), else_=_VERSION)
_VERSION_OF_INVOCATION_MATCHES: ColumnElement[bool] = VersionRow.version_id == case(
    (_IS_LATEST, func.coalesce(_version_of_invocation(_FUNCTION), LATEST_VERSION)), else_=_VERSION
)
_VERSION_OF_PARENT_MATCHES: ColumnElement[bool] = VersionRow.version_id == case(
    (_IS_LATEST, func.coalesce(_version_of_invocation(PARENT_FUNCTION_NAME), LATEST_VERSION)), else_=_VERSION
)
# For changes of what is at a path.
EXECUTION_MATCHES: tuple[ColumnElement[bool], ...] = (
    ExecutionRow.execution_id == _EXECUTION,
    InvocationRow.invocation_id == ExecutionRow.invocation_id,
)
INVOCATION_MATCHES: tuple[ColumnElement[bool], ...] = (
    InvocationRow.invocation_id == INVOCATION,
    FunctionRow.function_id == InvocationRow.function_id,
    FunctionRow.function_name == _FUNCTION,
    VersionRow.version_id == FunctionRow.version_id,
    VersionRow.project_name == PROJECT,
    _VERSION_OF_INVOCATION_MATCHES,
)


def along_version(statement: Select[*_Columns]) -> Select[*_Columns]:
    """The select over project and version: one row if the project exists, nulls for what does not."""
    return _along_version(statement, _VERSION_MATCHES)


def along_function(statement: Select[*_Columns]) -> Select[*_Columns]:
    """The select over project, version and function: one row if the project exists, nulls for what does not."""
    return _along_function(statement, _VERSION_MATCHES)


def along_callee(statement: Select[*_Columns]) -> Select[*_Columns]:
    """As `along_function`, of a function that an invocation has called. Under `latest` its version is that of the
    invocation, in which its children are, too."""
    return _along_function(statement, _VERSION_OF_PARENT_MATCHES)


def along_invocation(statement: Select[*_Columns]) -> Select[*_Columns]:
    """As `along_function`, with the invocation. Under `latest` its version is that of the invocation."""
    return _along_function(statement, _VERSION_OF_INVOCATION_MATCHES).outerjoin(
        InvocationRow,
        and_(InvocationRow.function_id == FunctionRow.function_id, InvocationRow.invocation_id == INVOCATION),
    )


def along_execution(statement: Select[*_Columns]) -> Select[*_Columns]:
    """As `along_invocation`, with the execution."""
    return along_invocation(statement).outerjoin(
        ExecutionRow,
        and_(ExecutionRow.invocation_id == InvocationRow.invocation_id, ExecutionRow.execution_id == _EXECUTION),
    )


def _along_version(statement: Select[*_Columns], matches: ColumnElement[bool]) -> Select[*_Columns]:
    return (
        statement.select_from(ProjectRow)
        .outerjoin(VersionRow, and_(VersionRow.project_name == ProjectRow.project_name, matches))
        .where(ProjectRow.project_name == PROJECT)
    )


def _along_function(statement: Select[*_Columns], matches: ColumnElement[bool]) -> Select[*_Columns]:
    return _along_version(statement, matches).outerjoin(
        FunctionRow, and_(FunctionRow.version_id == VersionRow.version_id, FunctionRow.function_name == _FUNCTION)
    )


def require(row: Row[*_Columns] | None, *, parts: int) -> Row[*_Columns]:
    """The row, if the first `parts` of version, function, invocation and execution are there. It holds their ids.

    Raises the NotFound of the outermost thing that is missing.
    """
    if row is None:
        raise ProjectDoesNotExist
    for identifier, error in _PARTS[:parts]:
        if getattr(row, identifier) is None:
            raise error
    return row
