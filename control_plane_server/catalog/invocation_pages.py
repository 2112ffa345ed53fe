"""The list of a function's invocations, page by page: newest first by whole seconds, then by id."""

from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.invocation_summaries import PARENT_FUNCTION, SUMMARY, to_summary, with_parent
from control_plane_server.catalog.paths import FunctionPath, along_callee, along_function, is_storable, require
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, VersionRow, epoch_second
from control_plane_server.domain.entities import InvocationStatus, InvocationSummary, ParentRef
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.domain.identifiers import FunctionName, FunctionRef, ProjectName, VersionId

_FUNCTION = along_function(select(*columns_of(VersionRow, FunctionRow)))
_CALLEE = along_callee(select(*columns_of(VersionRow, FunctionRow)))
_MAX_BIGINT = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationFilter:
    """What an invocation must match; None matches all."""

    status: InvocationStatus | None = None
    parent: ParentRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStart:
    """The place in the order at which a page begins. What is there, an invocation or a batch, need not exist any more.
    `second`: since 1970."""

    second: int
    item_id: str

    @classmethod
    def parse(cls, offset: str) -> "PageStart":
        """Read what `str` has written. Raises OffsetIsInvalid."""
        second, comma, item_id = offset.partition(",")
        if not comma or not is_storable(item_id):
            raise OffsetIsInvalid
        try:
            number = int(second)
        except ValueError:
            raise OffsetIsInvalid from None
        return cls(second=max(-_MAX_BIGINT, min(number, _MAX_BIGINT)), item_id=item_id)

    def __str__(self) -> str:
        return f"{self.second},{self.item_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationPage:
    """`next_offset`: where the next page begins; None on the last page."""

    function: FunctionRef
    invocations: tuple[InvocationSummary, ...]
    next_offset: str | None


class InvocationPageRepository:
    """Reads only."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(
        self, path: FunctionPath, *, matching: InvocationFilter, offset: str | None, max_results: int
    ) -> InvocationPage:
        """At most `max_results` invocations from the offset on; None starts with the newest. Under `latest` those of a
        parent are found in its version, whichever that is.

        Raises ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist, and only then OffsetIsInvalid.
        """
        if matching.parent is None:
            found = await self._connection.execute(_FUNCTION, path.parameters)
        else:
            found = await self._connection.execute(_CALLEE, path.parameters_of_callee(matching.parent))
        function = require(found.one_or_none(), parts=2)
        start = None if offset is None else PageStart.parse(offset)
        listed = await self._list(function.functions_function_id, matching=matching, start=start, limit=max_results + 1)
        following = listed[max_results:]
        return InvocationPage(
            function=FunctionRef(
                project_name=ProjectName(function.versions_project_name),
                version_id=VersionId(function.versions_version_id),
                function_name=FunctionName(function.functions_function_name),
            ),
            invocations=tuple(invocation for _, invocation in listed[:max_results]),
            next_offset=str(following[0][0]) if following else None,
        )

    async def _list(
        self, function_id: int, *, matching: InvocationFilter, start: PageStart | None, limit: int
    ) -> list[tuple[PageStart, InvocationSummary]]:
        second = epoch_second(InvocationRow.creation_time)
        statement = (
            with_parent(
                select(second.label("second"), *SUMMARY)
                .select_from(InvocationRow)
                .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
            )
            .where(InvocationRow.function_id == function_id)
            .order_by(second.desc(), InvocationRow.invocation_id)
            .limit(limit)
        )
        if matching.status is not None:
            statement = statement.where(InvocationRow.status == matching.status.value)
        if matching.parent is not None:
            statement = statement.where(
                InvocationRow.parent_invocation_id == matching.parent.invocation_id,
                PARENT_FUNCTION.function_name == matching.parent.function_name,
            )
        if start is not None:
            # The index serves the first condition; the second one selects within the start's own second.
            statement = statement.where(
                and_(
                    second <= start.second,
                    or_(second < start.second, InvocationRow.invocation_id >= start.item_id),
                )
            )
        return [
            (
                PageStart(second=row.second, item_id=row.invocation_id),
                to_summary(row),
            )
            for row in await self._connection.execute(statement)
        ]
