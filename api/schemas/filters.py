"""By what a project's invocations are found, in a query or a body."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from api.schemas.bounded import Text
from control_plane_server.domain.entities import InvocationOutcome

MAX_TAG_FILTERS = 20


def _with_colon(text: str) -> str:
    if ":" not in text:
        raise ValueError(f"a tag is looked for as key:value, which {text!r} is not")
    return text


# Seconds since 1970, as PostgreSQL compares them.
Second = Annotated[int, Field(ge=0, le=2**63 - 1)]
Outcomes = list[InvocationOutcome]
TagFilters = Annotated[list[Annotated[Text, AfterValidator(_with_colon)]], Field(max_length=MAX_TAG_FILTERS)]


def tags_of(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Keys and values. A key ends at the first colon."""
    return tuple((key, value) for key, _, value in (text.partition(":") for text in texts))
