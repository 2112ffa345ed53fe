"""What makes the demo a failure."""


class DemoFailed(Exception):
    """The stack runs, but the example did not do what it must. Holds what to tell the user, in one or more lines."""
