"""What the environment says about the terminal."""

import os


def wants_style() -> bool:
    """As https://no-color.org has it, and not on a terminal that knows no styles."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
