"""Numbers and words as people read them."""

ABSENT = "\N{EN DASH}"  # where there is nothing to be said


def number(value: float) -> str:
    """With commas between thousands."""
    return f"{value:,}"
