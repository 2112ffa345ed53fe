"""The form that calls a function: what is entered in it, and what it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from api.console.forms import Form
from api.console.submit_keys import new_submit_key, submit_key_of
from api.console.views.argument_fields import ArgumentField, entered, fields_of, filled, input_of
from api.schemas.invocations import InvocationDefinition
from control_plane_server.domain.entities import Function, Invocation
from control_plane_server.domain.submit_options import DEFAULT_PRIORITY

INPUT, TAGS = "input", "tags"
_OPTIONS = ("delay_seconds", "priority", "concurrency_key", "concurrency_limit")
_VALUE_ERROR = "Value error, "


class FormIsWrong(Exception):
    """With the problems in it."""

    def __init__(self, form: "SubmitForm") -> None:
        super().__init__()
        self.form = form


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitForm:
    """`fields`: of arguments; None: the input is one text. `texts`: what stands in the other fields, by their names.
    `problems`: what is wrong there, under an empty name what is wrong with all of it."""

    function: Function
    version_ref: str
    fields: list[ArgumentField] | None
    texts: Mapping[str, str]
    submit_key: str = field(default_factory=new_submit_key)
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_signature(self) -> bool:
        """Whether it can be filled in argument by argument."""
        return _fields(self.function) is not None

    def with_problem(self, name: str, problem: str) -> "SubmitForm":
        return replace(self, problems={**self.problems, name: problem})


def new_form(function: Function, version_ref: str, *, as_text: bool, like: Invocation | None) -> SubmitForm:
    """With the defaults of the function in it. `as_text`: its input is one text. `like`: with its input and options."""
    fields = None if as_text else _fields(function)
    text = "" if like is None else like.input
    if fields is not None and like is not None:
        fields = filled(fields, text)
    texts = {INPUT: text or ("" if function.command is not None else "{}"), **_options_of(like)}
    return SubmitForm(function=function, version_ref=version_ref, fields=fields, texts=texts)


def sent_form(function: Function, version_ref: str, form: Form) -> SubmitForm:
    """As a browser has sent it."""
    fields = None if INPUT in form.fields else _fields(function)
    return SubmitForm(
        function=function,
        version_ref=version_ref,
        fields=None if fields is None else entered(fields, form.get),
        texts={name: form.get(name) for name in (INPUT, TAGS, *_OPTIONS)},
        submit_key=submit_key_of(form),
    )


def definition_of(form: SubmitForm) -> InvocationDefinition:
    """What it asks for. Raises FormIsWrong."""
    if any(one.problem for one in form.fields or ()):
        raise FormIsWrong(form)
    asked: dict[str, object] = {name: form.texts[name].strip() for name in _OPTIONS if form.texts[name].strip()}
    tags = {}
    for line in filter(None, map(str.strip, form.texts[TAGS].splitlines())):
        key, sign, value = line.partition("=")
        if not sign:
            raise FormIsWrong(form.with_problem(TAGS, f"A tag is key=value, which {line} is not."))
        tags[key.strip()] = value.strip()
    text = form.texts[INPUT].replace("\r\n", "\n") if form.fields is None else input_of(form.fields)
    try:
        return InvocationDefinition.model_validate({INPUT: text, TAGS: tags, **asked})
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else "concurrency_limit"
            known = name if name in (TAGS, *_OPTIONS) or form.fields is None else ""
            form = form.with_problem(known, f"{problem['msg'].removeprefix(_VALUE_ERROR)}.")
        raise FormIsWrong(form) from error


def _fields(function: Function) -> list[ArgumentField] | None:
    return None if function.command is not None else fields_of(function.signature)


def _options_of(like: Invocation | None) -> dict[str, str]:
    if like is None:
        return dict.fromkeys((TAGS, *_OPTIONS), "")
    options = like.options
    return {
        TAGS: "\n".join(f"{key}={value}" for key, value in options.tags.items()),
        "delay_seconds": "",
        "priority": "" if options.priority == DEFAULT_PRIORITY else str(options.priority),
        "concurrency_key": options.concurrency_key or "",
        "concurrency_limit": "" if options.concurrency_limit is None else str(options.concurrency_limit),
    }
