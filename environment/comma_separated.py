"""Settings that are several words, comma separated."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode


def _words(value: object) -> object:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


def all_matching(pattern: re.Pattern[str], advice: str) -> AfterValidator:
    """A validator: every word has to match the whole pattern. `advice`: the error's text, which says what words must
    be."""

    def check(words: tuple[str, ...]) -> tuple[str, ...]:
        if not all(pattern.fullmatch(word) for word in words):
            raise ValueError(advice)
        return words

    return AfterValidator(check)
