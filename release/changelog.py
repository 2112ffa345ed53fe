"""CHANGELOG.md: what it says of a release. Its form is that of https://keepachangelog.com."""

import re

_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)


def sections(changelog: str) -> dict[str, str]:
    """By title, in the order of the file: the text below it."""
    headings = list(_SECTION.finditer(changelog))
    ends = [heading.start() for heading in headings[1:]] + [len(changelog)]
    return {
        heading["title"].strip(): changelog[heading.end() : end].strip()
        for heading, end in zip(headings, ends, strict=True)
    }


def title_of(changelog: str, version: str) -> str | None:
    return next((title for title in sections(changelog) if title.split(" ")[0] == version), None)
