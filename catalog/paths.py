"""Where users say a thing is: project, version or `latest`, function, invocation, execution; what of it is missing."""

import re
from dataclasses import dataclass
from typing import TypeVarTuple

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from catalog.tables import ExecutionRow, FunctionRow, InvocationRow, ProjectRow, VersionRow
from domain.errors import (
    ExecutionDoesNotExist,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    NotFound,
    ProjectDoesNotExist,
    VersionDoesNotExist,
)

_Columns = TypeVarTuple("_Columns")

_LATEST = "latest"
_MISSING: tuple[type[NotFound], ...] = (
    VersionDoesNotExist,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    ExecutionDoesNotExist,
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionPath:
    """As a client wrote it: nothing in it is known to exist. `version_ref` is a version id, or `latest` in any case."""

    project_name: str
    version_ref: str
    function_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationPath:
    function: FunctionPath
    invocation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPath:
    invocation: InvocationPath
    execution_id: str


def searchable(text: str) -> str:
    """The text as Postgres can compare it. What it cannot hold becomes a character that no stored name has."""
    return _UNSTORABLE.sub("\x01", text)


def is_storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None


def version_matches(*, project_name: str, version_ref: str) -> ColumnElement[bool]:
    """The condition on VersionRow, once the row is known to be of that project."""
    if version_ref.lower() != _LATEST:
        return VersionRow.version_id == searchable(version_ref)
    candidate = aliased(VersionRow)
    newest = (
        select(candidate.version_id)
        .where(candidate.project_name == searchable(project_name))
        .order_by(candidate.creation_time.desc(), candidate.version_id.desc())
        .limit(1)
    )
    return VersionRow.version_id == newest.scalar_subquery()


def along_function(statement: Select[*_Columns], path: FunctionPath) -> Select[*_Columns]:
    """The select over project, version and function: one row if the project exists, nulls for what does not."""
    return (
        statement.select_from(ProjectRow)
        .outerjoin(
            VersionRow,
            and_(
                VersionRow.project_name == ProjectRow.project_name,
                version_matches(project_name=path.project_name, version_ref=path.version_ref),
            ),
        )
        .outerjoin(
            FunctionRow,
            and_(
                FunctionRow.version_id == VersionRow.version_id,
                FunctionRow.function_name == searchable(path.function_name),
            ),
        )
        .where(ProjectRow.project_name == searchable(path.project_name))
    )


def along_invocation(statement: Select[*_Columns], path: InvocationPath) -> Select[*_Columns]:
    return along_function(statement, path.function).outerjoin(
        InvocationRow,
        and_(
            InvocationRow.function_id == FunctionRow.function_id,
            InvocationRow.invocation_id == searchable(path.invocation_id),
        ),
    )


def along_execution(statement: Select[*_Columns], path: ExecutionPath) -> Select[*_Columns]:
    return along_invocation(statement, path.invocation).outerjoin(
        ExecutionRow,
        and_(
            ExecutionRow.invocation_id == InvocationRow.invocation_id,
            ExecutionRow.execution_id == searchable(path.execution_id),
        ),
    )


def require(row: Row[*_Columns] | None, *, parts: int) -> Row[*_Columns]:
    """The row, if all of its first `parts` columns are there: version, function, invocation, execution, in this order.

    Raises the NotFound of the outermost thing that is missing.
    """
    if row is None:
        raise ProjectDoesNotExist
    for part, error in zip(row[:parts], _MISSING, strict=False):
        if part is None:
            raise error
    return row
