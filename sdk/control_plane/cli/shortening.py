"""Long texts on a screen: cut, and said by how much."""

_MOST_CHARACTERS = 2_000


def shortened(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_MOST_CHARACTERS]}… ({len(text):,} characters; all of them with --json)"
