"""Which results of a batch are asked for, and in which form."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response

from api.results.streams import Form
from api.services import services_of
from control_plane_server.domain.batches import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultQuery:
    """`after`: the position behind which they begin."""

    after: int
    form: Form


async def _result_query(
    after: Annotated[int, Query(ge=0)] = 0,
    accept: Annotated[str | None, Header()] = None,
    last_event_id: Annotated[int | None, Header(alias="Last-Event-ID", ge=0)] = None,
) -> ResultQuery:
    return ResultQuery(after=after if last_event_id is None else last_event_id, form=Form.accepted(accept))


ResultQueryOfRequest = Annotated[ResultQuery, Depends(_result_query)]


async def results_of(request: Request, batch: Batch, query: ResultQuery, *, is_root: bool) -> Response:
    """A stream. Raises OffsetIsInvalid, BatchDoesNotExist, ServiceIsUnavailable."""
    return await services_of(request).results.of_batches.open(
        batch, after=query.after, form=query.form, is_root=is_root
    )
