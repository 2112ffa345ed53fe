"""Numbers and words as people read them."""

ABSENT = "\N{EN DASH}"  # where there is nothing to be said


def number(value: float) -> str:
    """With commas between thousands, and no more digits behind the point than there are."""
    return f"{int(value):,}" if value == int(value) else f"{value:,}"
