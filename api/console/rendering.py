"""Makes pages of templates, in which all that is inserted is text unless it is marked as HTML by ours."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.console import links
from api.console.access import FORM_TOKEN_FIELD, FORM_TOKEN_HEADER, session_of
from api.console.assets import asset_url
from api.console.submit_keys import SUBMIT_KEY_FIELD
from api.console.views import batches, counts, hindrances, json_trees, loads, sentences, states, texts, times
from control_plane_server.domain.submit_options import DEFAULT_PRIORITY

_TEMPLATES = Environment(
    loader=PackageLoader("api.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.globals.update(
    asset_url=asset_url,
    links=links,
    FORM_TOKEN_FIELD=FORM_TOKEN_FIELD,
    FORM_TOKEN_HEADER=FORM_TOKEN_HEADER,
    DEFAULT_PRIORITY=DEFAULT_PRIORITY,
    SUBMIT_KEY_FIELD=SUBMIT_KEY_FIELD,
)
_TEMPLATES.filters.update(
    moment=times.moment,
    exact_moment=times.exact_moment,
    duration=times.duration,
    milliseconds=times.milliseconds,
    number=texts.number,
    counted=loads.counted,
    in_words=states.in_words,
    state_of_summary=states.state_of_summary,
    state_of_function=states.state_of_function,
    state_of_version=states.state_of_version,
    is_paused=hindrances.is_paused,
    counted_states=counts.counted_states,
    failures_of=batches.failures_of,
    first_line=sentences.first_line,
    shortened=json_trees.shortened,
)


def render(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """The page, or the part of one, that the template makes of these values. It finds the token of the request's
    session as `form_token`, which is None where there is none."""
    session = session_of(request)
    page = _TEMPLATES.get_template(template).render(
        form_token=None if session is None else session.form_token, **values
    )
    return HTMLResponse(page, status_code=status_code, headers=headers)


def part(template: str, **values: Any) -> str:
    """A part of a page, in which there are no forms."""
    return _TEMPLATES.get_template(template).render(**values)
