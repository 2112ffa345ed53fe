"""Fields of forms, as browsers send those without files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from fastapi import Request

_MAX_FIELDS = 500


class FormIsMalformed(Exception):
    """What was sent is no form"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    fields: Mapping[str, Sequence[str]]

    def get(self, name: str) -> str:
        """Empty if there is none; the first of several."""
        return self.all(name)[0] if self.all(name) else ""

    def all(self, name: str) -> Sequence[str]:
        return self.fields.get(name, ())


async def read_form(request: Request) -> Form:
    """The body, which may be read again. Raises FormIsMalformed."""
    body = await request.body()
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise FormIsMalformed(FormIsMalformed.__doc__) from None
    return Form(fields=fields)
