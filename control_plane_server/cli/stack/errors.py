"""What stops the embedded stack from running."""


class StackError(Exception):
    """One line for the user: what is wrong and what to do about it."""
