"""Takes out of a text of AWS what users and operators named: such names must not decide what the text means.

A repository may be called `platform` and a program `timeout`; a missing image of `throttle-demo` throttles nobody.
"""

import re

_NAME = "…"

_ADDRESS = r"[a-z0-9-]+(?:\.[a-z0-9-]+)+"  # a host or an IP address; AWS's own words have capitals after a full stop
_DIGEST = r"sha256:[0-9a-f]{6,64}"
_TAG = rf"(?::[\w.-]+)?(?:@{_DIGEST})?"

# Words that look like a name with a tag, and are none: `RESOURCE:ENI` has capitals.
_WORDS_BEFORE_A_COLON = (
    "code|denied|eof|error|forbidden|message|statuscode|status|timeout|tls|toomanyrequests|unauthorized|x509"
)
# What follows "image" or "ref" where no name does.
_WORDS_AFTER_AN_IMAGE = (
    "and|architecture|at|can|cannot|config|could|couldn|did|does|doesn|exists|for|format|from|has|in|index|is|isn"
    "|layers?"
    "|manifests?|may|must|name|named|names|no|not|on|operating|or|platform (?:and|mismatch)|pulls?"
    "|reference|references|registry|repository|tags?"
    "|that|the|to|unknown|was|were|with|you|your"
)

# In this order: a quoted answer of a registry is opened before quoted names are taken out.
_REPLACEMENTS = (
    (re.compile(r'"(?:code|message|error)"\s*:\s*"([^"]*)"', re.IGNORECASE), r"\1"),
    (re.compile(r"\b[a-z][a-z0-9+]*://[^\s\"'\\,;)\]>]*[^\s\"'\\,;)\]>:.]", re.IGNORECASE), _NAME),
    (re.compile(r"\barn:[\w-]+:[^\s\"',;)]+"), _NAME),
    (re.compile(r"\"[^\"\s]+\"|'[^'\s]+'|`[^`]+`"), _NAME),
    (re.compile(r"(?<=denied for )(?!the\b)\S+?(?=[,;]?(?:\s|$))"), _NAME),
    (
        re.compile(
            rf"\b((?:image|ref|reference|repository|tag|manifest for) )(?!(?:{_WORDS_AFTER_AN_IMAGE})\b)"
            r"[a-z0-9][^\s,;]*?(?=[:,;.]?(?:\s|$))"
        ),
        rf"\1{_NAME}",
    ),
    # A path of a file; and an image, as two names with a slash between them, or as a name with a tag.
    (re.compile(r"(?<![\w/])/[\w.@+-]+(?:/[\w.@+-]+)*"), _NAME),
    (re.compile(rf"(?<![\w/])(?:{_ADDRESS}(?::\d+)?/)[a-z0-9._/-]*[a-z0-9]{_TAG}"), _NAME),
    (re.compile(rf"(?<![\w/])(?!i/o\b)[a-z0-9._-]+(?:/[a-z0-9._-]*[a-z0-9])+(?::[\w.-]*\w|@{_DIGEST})"), _NAME),
    (re.compile(rf"(?<![\w/.-])(?!(?:{_WORDS_BEFORE_A_COLON}):)[a-z0-9][a-z0-9._-]*:(?!\d\d\d\b)\w[\w.-]*\w\b"), _NAME),
    (re.compile(rf"(?<![\w/.-])(?!(?:{_WORDS_BEFORE_A_COLON}):)[a-z0-9][a-z0-9._-]*:\w\b"), _NAME),
    (re.compile(_DIGEST), _NAME),
    (re.compile(rf"(?<![\w.-]){_ADDRESS}(?::\d+)?(?![\w-])"), _NAME),
)


def without_names(text: str) -> str:
    """The text with `…` for URLs, ARNs, image references, digests, paths, hosts and whatever single word is quoted."""
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text
