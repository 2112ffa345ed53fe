"""Where commands write: data to stdout, everything else to stderr."""

from rich.console import Console

# soft_wrap by hand at each print: URLs and commands must survive being copied from a narrow terminal.
data = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


def note(line: str) -> None:
    """Tell the user something that is no data, in one line, as it is."""
    notes.print(line, markup=False, soft_wrap=True)


def fail(line: str) -> None:
    notes.print(f"control-plane: {line}", markup=False, soft_wrap=True, style="red")
