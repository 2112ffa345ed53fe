"""Why a container never ran, from what AWS says of it, and who can do something about it.

One rule: it is the user's only if the image or the program is missing, or too large for the disk; an operator's if a
permission or something of the account's is missing; and the infrastructure's otherwise, whatever the text. Causes are
matched, not sentences, after all names have been taken out of them: AWS, containerd, runc and registries word the same
cause differently, and change their words. docs/aws-failures.md shows the texts that are known.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from control_plane_server.domain.containers import ExitCause
from control_plane_server.provisioners.ecs.failures import lacks_capacity
from control_plane_server.provisioners.ecs.names_in_texts import without_names


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFailure:
    """`cause`: EXITED, LOST or MISCONFIGURED. `lacked_capacity`: LOST, as there was no room for it."""

    cause: ExitCause
    lacked_capacity: bool = False


# What is unknown passes by itself, until it has happened several times in a row.
UNKNOWN = StartFailure(cause=ExitCause.LOST)
_OF_A_MOMENT = StartFailure(cause=ExitCause.LOST)
_OF_THE_USER = StartFailure(cause=ExitCause.EXITED)
_HIDDEN = StartFailure(cause=ExitCause.EXITED)  # missing or not allowed: the registry does not say which
_OF_THE_OPERATOR = StartFailure(cause=ExitCause.MISCONFIGURED)
_LONGEST_TEXT = 4_000


def _causes(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


_MISSING = (
    r"(?:\b(?:not found|not exist|no such|can(?:'t|not) be found|could(?:n't| not) be found|notfound|404)|n't exist)"
)

_NO_SUCH_PROGRAM = _causes(
    r"executable file not found",
    r"exec format error",
    r"\b(?:exec|execve|entrypoint|command|program|interpreter)\b[^;\n]{0,120}?"
    r"(?:no such file|permission denied|is a directory)",
    r"\b(?:program|entrypoint|executable|interpreter)\b[^.;]{0,40}\b(?:not found|not executable)|\bcommand not found",
)
# The registry or ECS lets nobody through for a moment.
_THROTTLED = _causes(
    r"rate (?:limit|exceeded)",
    r"throttl",
    r"too ?many ?(?:concurrent )?requests",
    r"request ?limit ?exceeded",
    r"\b429\b",
    r"slow ?down",
    r"\btoken\b[^.;]{0,20}\bexpired",
    r"expired ?token",
)
# No answer of a registry that passes by itself says this.
_DENIED = _causes(
    r"access ?denied",
    r"unauthorized ?operation",
    r"not authorized to",
    r"\b40[13] (?:forbidden|unauthorized)",
    r"status ?code: ?40[13]",
    r"certificate (?:signed by unknown|has expired|is not valid|is valid for)|failed to verify certificate|\bx509\b",
)
_PASSES_BY_ITSELF = _causes(
    r"time(?:d)?[- ]?out",
    r"deadline exceeded",
    r"context cancell?ed|request cancell?ed",
    r"connection (?:reset|refused|issue|closed|aborted|error)|closed network connection|broken pipe",
    r"handshake|protocol error|stream error|INTERNAL_ERROR|GOAWAY|server misbehaving",
    r"\beof\b",
    r"temporar|\bunavailable\b|overloaded|out of service",
    r"internal ?(?:server ?)?error|internal ?failure|server ?(?:exception|error)|bad gateway|gateway time",
    r"\b(?:status|statuscode|code|error)(?: code)?:? ?5\d\d\b|\b5\d\d (?:internal|bad|service|gateway|server|http)",
    r"no such host|host not found|name resolution|could not resolve|network is unreachable|no route to host",
    r"text/html",  # what stands between the task and the registry has answered in its place
    r"signal: killed",
)
_OF_AN_IMAGE = _causes(r"cannotpull", r"\b(?:pull|image|manifest|repository|registry|snapshotter)\b")
_PLATFORM = r"\b(?:platform(?! version)|architecture|(?:linux|windows)/\w+)\b"
_UNFIT = r"(?:\b(?:not?|cannot|nothing|none|mismatch\w*|unsupported|incompatible|different|wrong)\b|n't)"
_NO_SUCH_IMAGE = _causes(
    rf"\b(?:image|manifest|repository|tag|ref|reference|name|blob|layer|digest|content)s?\b[^;]{{0,120}}?{_MISSING}",
    r"(?:manifest|name|blob|tag)[_ ]unknown",
    r"\bnot found\b",
    r"\b404\b",
    r"invalid reference|no such image|no longer (?:exists|available)|(?:image|tag)\b[^.;]{0,40}\bdeleted",
    r"\bno match\w*[^.;]{0,30}\bmanifest|\bdescriptor matching\b",
    rf"{_UNFIT}[^.;]{{0,80}}{_PLATFORM}|{_PLATFORM}[^.;]{{0,60}}{_UNFIT}",
    r"(?:media ?type|schema(?: version)?)\b[^.;]{0,60}(?:unsupported|not? (?:longer )?supported)",
    r"unsupported (?:media|schema|manifest)",
)
# Registries that hide what exists deny it: "repository does not exist or may require authorization".
_MAY_NOT_EXIST = _causes(r"(?:not|n't) exist or\b", r"insufficient_scope")
_REGISTRY_OF_AWS = re.compile(r"\b\d{12}\.dkr[.-]ecr\b|\becr\b.{0,40}registry auth", re.IGNORECASE)
_NO_SPACE = _causes(r"no space left", r"disk quota exceeded", r"not enough (?:disk )?space", r"disk (?:is )?full")
_OPERATORS_THING = (
    r"(?:log (?:group|stream)|secret|parameter|role|subnet|security ?group|file ?system|access point|mount target"
    r"|bucket|\bkms|\bkey|credential|cluster|platform version|vpc)\w*"
)
_OPERATORS_THING_IS_MISSING = _causes(
    rf"{_OPERATORS_THING}[^.;]{{0,80}}?(?:{_MISSING}|disabled|deleted|pending deletion|invalid|(?:not|n't) support)",
    rf"(?:can(?:'t|not)|could(?:n't| not)|unable to) find[^.;]{{0,40}}{_OPERATORS_THING}",
    r"(?:resource|secret|parameter|group|subnet|role|entity|system|point|target|key|bucket)notfound|nosuch(?:key|bucket|entity)|invalid(?:subnet|group|securitygroup)|kms\w*disabled",
    r"resourceinitialization.*\b(?:not found|not exist|404)\b",
)
_NOT_ALLOWED = _causes(
    r"no basic auth|unable to (?:assume|authenticate)|authentication (?:failed|required)|could not assume",
    r"denied|unauthori[sz]ed|forbidden|not (?:authori[sz]ed|allowed)|(?<!operation )not permitted",
    r"(?:has|have|lacks?|missing|need)\b[^.;]{0,30}\bpermissions?|insufficient (?:permission|privilege|right)",
    r"incompatib|opt[- ]?in ?(?:is )?required|account\b[^.;]{0,40}\b(?:blocked|suspended)",
    r"invalid ?parameter|validation ?exception|invalid (?:json|log (?:driver|option))",
)


# The first that matches counts.
_RULES: tuple[tuple[Callable[[str], object], StartFailure], ...] = (
    (_NO_SUCH_PROGRAM.search, _OF_THE_USER),
    (_THROTTLED.search, _OF_A_MOMENT),
    (lacks_capacity, StartFailure(cause=ExitCause.LOST, lacked_capacity=True)),
    (_MAY_NOT_EXIST.search, _HIDDEN),
    (_DENIED.search, _OF_THE_OPERATOR),
    (_PASSES_BY_ITSELF.search, _OF_A_MOMENT),
    (_NO_SPACE.search, _OF_THE_USER),
    (_OPERATORS_THING_IS_MISSING.search, _OF_THE_OPERATOR),
    (lambda said: _OF_AN_IMAGE.search(said) and _NO_SUCH_IMAGE.search(said), _OF_THE_USER),
    (_NOT_ALLOWED.search, _OF_THE_OPERATOR),
)


def failure_of(text: str) -> StartFailure | None:
    """What a text of AWS says of a container that never ran: a task's `stoppedReason` and its container's `reason`.

    None for a text that says nothing that is known.
    """
    said = without_names(text[:_LONGEST_TEXT])
    failure = next((failure for matches, failure in _RULES if matches(said)), None)
    if failure is _HIDDEN:
        return _OF_THE_OPERATOR if _REGISTRY_OF_AWS.search(text) else _OF_THE_USER
    return failure
