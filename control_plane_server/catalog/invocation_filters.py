"""What a list of a project's invocations is of, and how they are found: always by the index that fits the filter best.

Each finds them newest first within one state (`INVOCATION_STATE`), so that a page is made of the first ones of each.
"""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    column,
    func,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from control_plane_server.catalog.invocation_pages import PageStart
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.tables import (
    INVOCATION_STATE,
    BatchRow,
    FunctionRow,
    InvocationRow,
    VersionRow,
    seconds_backwards,
)
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus

BACKWARDS = seconds_backwards(InvocationRow.creation_time)
MOST = bindparam("list_most", type_=Integer)
_PROJECT = bindparam("list_project", type_=Text)
_FUNCTION = bindparam("list_function", type_=Text)
_VERSION = bindparam("list_version", type_=Text)
_PARENT = bindparam("list_parent", type_=Text)
_BATCH = bindparam("list_batch", type_=Text)
_STATES = bindparam("list_states", type_=ARRAY(Text))
_OUTCOMES = bindparam("list_outcomes", type_=ARRAY(Text))
_SINCE = bindparam("list_since", type_=BigInteger)
_UNTIL = bindparam("list_until", type_=BigInteger)
_PREFIX = bindparam("list_prefix", type_=Text)
_PREFIX_END = bindparam("list_prefix_end", type_=Text)
_KEY = bindparam("list_concurrency_key", type_=Text)
# Written into the statement: whether a page is soonest found by the tags or by the order, PostgreSQL knows by how many
# have these very tags.
_TAGS = bindparam("list_tags", type_=Text, literal_execute=True)
_START_SECOND = bindparam("list_start_second", type_=BigInteger)
_START_ID = bindparam("list_start_id", type_=Text)

_PARENT_ROW = aliased(InvocationRow, name="parent_of_listed")
_CALLED = aliased(FunctionRow, name="called")
_RUNNING = InvocationStatus.RUNNING.value
# Of one that has ended and has no outcome, as a release wrote none once.
_UNRECORDED = InvocationStatus.TERMINATED.value
_ENDED = (*(outcome.value for outcome in InvocationOutcome), _UNRECORDED)
# Ids go on in hexadecimal digits, which all come before it.
_AFTER_ALL_DIGITS = "g"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectInvocationFilter:
    """What an invocation must match; None and an empty tuple match all. `since` and `until`: of its creation, in
    seconds since 1970, both inclusive. `id_prefix`: how its id begins. `tags`: keys and values, all of which it has."""

    status: InvocationStatus | None = None
    outcomes: tuple[InvocationOutcome, ...] = ()
    function_name: str | None = None
    version_id: str | None = None
    since: int | None = None
    until: int | None = None
    parent_invocation_id: str | None = None
    batch_id: str | None = None
    id_prefix: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    concurrency_key: str | None = None

    @property
    def states(self) -> list[str]:
        """In which they may be; none: it matches nothing."""
        if len(dict(self.tags)) < len(set(self.tags)):  # two values of one key
            return []
        states = [_RUNNING, *_ENDED]
        if self.status is not None:
            states = [_RUNNING] if self.status is InvocationStatus.RUNNING else list(_ENDED)
        if self.outcomes:
            states = [state for state in states if state in (*self.outcomes, _UNRECORDED)]
        return states

    def parameters(self, project_name: str, start: PageStart | None = None) -> dict[str, object]:
        """For statements of its `Shape`."""
        texts = {
            _PROJECT.key: project_name,
            _FUNCTION.key: self.function_name,
            _VERSION.key: self.version_id,
            _PARENT.key: self.parent_invocation_id,
            _BATCH.key: self.batch_id,
            _KEY.key: self.concurrency_key,
            _PREFIX.key: self.id_prefix,
            _PREFIX_END.key: None if self.id_prefix is None else self.id_prefix + _AFTER_ALL_DIGITS,
            _START_ID.key: None if start is None else start.item_id,
        }
        return {
            **{key: searchable(value) for key, value in texts.items() if value is not None},
            _STATES.key: self.states,
            _OUTCOMES.key: list(self.outcomes),
            _TAGS.key: json.dumps({searchable(key): searchable(value) for key, value in self.tags}),
            _SINCE.key: self.since,
            _UNTIL.key: self.until,
            _START_SECOND.key: None if start is None else start.second,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which filters there are: for each there is one statement, which is built once."""

    outcome: bool = False
    function_name: bool = False
    version_id: bool = False
    since: bool = False
    until: bool = False
    parent: bool = False
    batch: bool = False
    id_prefix: bool = False
    tags: bool = False
    concurrency_key: bool = False
    start: bool = False

    @classmethod
    def of(cls, matching: ProjectInvocationFilter, *, start: PageStart | None = None) -> "Shape":
        return cls(
            outcome=bool(matching.outcomes),
            function_name=matching.function_name is not None,
            version_id=matching.version_id is not None,
            since=matching.since is not None,
            until=matching.until is not None,
            parent=matching.parent_invocation_id is not None,
            batch=matching.batch_id is not None,
            id_prefix=matching.id_prefix is not None,
            tags=bool(matching.tags),
            concurrency_key=matching.concurrency_key is not None,
            start=start is not None,
        )

    def newest(self) -> Select[*tuple[Any, ...]]:
        """The ids of the first MOST of them, `backwards` beside each, in no order."""
        found = [self._newest_of_batch() if self._is_by_batch else self._newest_of_each_state()]
        if self._is_by_names:
            found.append(self._first(InvocationRow.project_name.is_(None), _is_in_state(), *self._belongs()))
        every = union_all(*(select(one.subquery()) for one in found)).subquery("found")
        return select(every).order_by(every.c.backwards, every.c.invocation_id).limit(MOST)

    def all(self) -> list[ColumnElement[bool]]:
        """Conditions of an InvocationRow that hold for all of them, and for none twice."""
        by_key = and_(*self._keys(None))
        if self._is_by_names:
            by_key = or_(by_key, and_(InvocationRow.project_name.is_(None), *self._belongs()))
        return [by_key, _is_in_state(), *self._further()]

    @property
    def _is_by_names(self) -> bool:
        """By the names in the invocation's row, which a release did not write once."""
        return not (self.batch or self.parent or self.id_prefix or self.version_id)

    @property
    def _is_by_batch(self) -> bool:
        return self.batch and not self.id_prefix

    def _newest_of_batch(self) -> Select[*tuple[Any, ...]]:
        """Of all of it, which is 10,000 at most: read apart, or it is planned to be found by the order."""
        every = (
            select(InvocationRow.invocation_id, BACKWARDS.label("backwards"))
            .where(*self._keys(None), _is_in_state(), *self._further())
            .cte("of_batch")
            .prefix_with("MATERIALIZED")
        )
        return select(every).order_by(every.c.backwards, every.c.invocation_id).limit(MOST)

    def _newest_of_each_state(self) -> Select[*tuple[Any, ...]]:
        states = func.unnest(_STATES).table_valued(column("state", Text), name="states").render_derived()
        functions = self._functions_of_version()
        sources: list[FromClause] = [states] if functions is None else [states, functions]
        found = (
            self._first(states.c.state == INVOCATION_STATE, *self._keys(functions))
            .correlate(*sources)
            .lateral("newest")
        )
        joined: FromClause = states
        if functions is not None:
            joined = joined.join(functions, true())
        return select(found).select_from(joined.join(found, true()))

    def _first(self, *conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
        return (
            select(InvocationRow.invocation_id, BACKWARDS.label("backwards"))
            .where(*conditions, *self._further())
            .order_by(BACKWARDS, InvocationRow.invocation_id)
            .limit(MOST)
        )

    def _keys(self, functions: FromClause | None) -> list[ColumnElement[bool]]:
        """What an index finds them by, and what else is needed then. `functions`: of the version, if joined."""
        if self.id_prefix:
            in_range = (InvocationRow.invocation_id >= _PREFIX, InvocationRow.invocation_id < _PREFIX_END)
            return [*in_range, *self._belongs(), *self._related()]
        if self.batch or self.parent:
            return [*self._related(), *self._belongs_with_owner()]
        if self.version_id:
            if functions is not None:
                return [InvocationRow.function_id == functions.c.function_id]
            return [InvocationRow.function_id.in_(self._function_ids())]
        keys = [InvocationRow.project_name == _PROJECT]
        if self.function_name:
            keys.append(InvocationRow.function_name == _FUNCTION)
        return keys

    def _related(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if self.batch:
            conditions.append(InvocationRow.batch_id == _BATCH)
        if self.parent:
            conditions.append(InvocationRow.parent_invocation_id == _PARENT)
        return conditions

    def _functions_of_version(self) -> FromClause | None:
        if not self.version_id or self.batch or self.parent or self.id_prefix:
            return None
        return self._function_ids().subquery("function_of_version")

    def _function_ids(self) -> Select[int]:
        is_of_project = select(VersionRow.version_id).where(
            VersionRow.version_id == _VERSION, VersionRow.project_name == _PROJECT
        )
        found = select(FunctionRow.function_id).where(
            FunctionRow.version_id == _VERSION, is_of_project.correlate(None).exists()
        )
        return found.where(FunctionRow.function_name == _FUNCTION) if self.function_name else found

    def _belongs(self) -> list[ColumnElement[bool]]:
        """By its function, whatever names are in its row."""
        return [_of_function(InvocationRow.function_id, VersionRow.project_name) == _PROJECT, *self._is_named()]

    def _is_named(self) -> list[ColumnElement[bool]]:
        of_function = partial(_of_function, InvocationRow.function_id)
        conditions = []
        if self.function_name:
            conditions.append(of_function(FunctionRow.function_name) == _FUNCTION)
        if self.version_id:
            conditions.append(of_function(VersionRow.version_id) == _VERSION)
        return conditions

    def _belongs_with_owner(self) -> list[ColumnElement[bool]]:
        """Asked once, of the batch or the parent: a parent's are of its version, and a batch's of its project.
        Asked of each, it would be expected of few, and a page would read them all. A batch is read whole, and may be a
        replay of several functions."""
        if self.batch:
            is_of_project = (
                select(VersionRow.version_id)
                .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
                .join(BatchRow, BatchRow.function_id == FunctionRow.function_id)
                .where(BatchRow.batch_id == _BATCH, VersionRow.project_name == _PROJECT)
                .correlate(None)
            )
            return [is_of_project.exists(), *self._is_named()]
        owner = select(_PARENT_ROW.function_id).where(_PARENT_ROW.invocation_id == _PARENT).scalar_subquery()
        matching = (
            select(FunctionRow.version_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(FunctionRow.function_id == owner, VersionRow.project_name == _PROJECT)
            .correlate(None)
        )
        if self.version_id:
            matching = matching.where(VersionRow.version_id == _VERSION)
        if not self.function_name:
            return [matching.exists()]
        wanted = select(_CALLED.function_id).where(
            _CALLED.version_id == matching.scalar_subquery(), _CALLED.function_name == _FUNCTION
        )
        return [InvocationRow.function_id == wanted.correlate(None).scalar_subquery()]

    def _further(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if self.outcome:
            conditions.append(or_(InvocationRow.outcome.is_not(None), known_outcome() == any_(_OUTCOMES)))
        if self.tags:
            conditions.append(InvocationRow.tags.contains(cast(_TAGS, JSONB)))
        if self.concurrency_key:
            conditions.append(InvocationRow.concurrency_key == _KEY)
        if self.since:
            conditions.append(BACKWARDS <= -_SINCE)
        if self.until:
            conditions.append(BACKWARDS >= -_UNTIL)
        if self.start:
            conditions.append(tuple_(BACKWARDS, InvocationRow.invocation_id) >= tuple_(-_START_SECOND, _START_ID))
        return conditions


def _is_in_state() -> ColumnElement[bool]:
    return any_(_STATES) == INVOCATION_STATE


def _of_function(function_id: Any, column: Any) -> ColumnElement[Any]:
    """A subquery, as a join may be planned as one that reads all functions."""
    return (
        select(column)
        .select_from(FunctionRow)
        .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
        .where(FunctionRow.function_id == function_id)
        .correlate(InvocationRow)
        .scalar_subquery()
    )
