"""What the demo shows while it works: a bar and a tree on a terminal, a line per change elsewhere."""

import json
from dataclasses import dataclass
from types import TracebackType

from control_plane.cli.output import note
from control_plane.cli.states import state_of
from control_plane.cli.visible import visible
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.states import output_of
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from rich.tree import Tree

from control_plane_server.cli.demo.tour import BEST_KNOWN_LENGTH

_STYLES = {"queued": "dim", "starting": "yellow", "running": "cyan", "succeeded": "green", "failed": "bold red"}
_OTHER_STYLE = "bold red"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One look at the work: the parent invocation and its children, oldest first."""

    parent: InvocationInfo
    children: tuple[InvocationInfo, ...]

    @property
    def best_length(self) -> int | None:
        return _field(self.parent, "best_length") or _field(self.parent, "length")

    @property
    def finished(self) -> int:
        return sum(output_of(child.document) is not None for child in self.children)


class Screen:
    """A context in which views are shown as they come. `expected`: how many children there will be."""

    def __init__(self, expected: int) -> None:
        console = Console(stderr=True, highlight=False, emoji=False)
        self._expected = expected
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._bar = self._progress.add_task("", total=expected)
        self._live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
        self._last_line = ""

    def __enter__(self) -> "Screen":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, view: View) -> None:
        if self._live is None:
            self._print_change(view)
            return
        self._progress.update(self._bar, completed=view.finished, description=_describe(view.best_length))
        self._live.update(self._render(view))

    def _render(self, view: View) -> RenderableType:
        tree = Tree(_label(view.parent))
        for child in view.children:
            tree.add(_label(child))
        return Group(self._progress, tree)

    def _print_change(self, view: View) -> None:
        states = [state_of(child) for child in view.children]
        counts = (
            ", ".join(
                f"{states.count(state)} {state}" for state in dict.fromkeys((*_STYLES, *states)) if state in states
            )
            or "none yet"
        )
        line = (
            f"{view.finished}/{self._expected} {_describe(view.best_length)}; "
            f"{view.parent.function_name} {state_of(view.parent)}, children: {counts}"
        )
        if line != self._last_line:
            note(line)
        self._last_line = line


def _describe(best_length: int | None) -> str:
    if best_length is None:
        return "no tour yet"
    return f"best tour {best_length:,}, {best_length / BEST_KNOWN_LENGTH - 1:.1%} above the best known"


def _label(invocation: InvocationInfo) -> Text:
    length = _field(invocation, "length") if output_of(invocation.document) is not None else None
    state = state_of(invocation)
    style = _STYLES.get(state, _OTHER_STYLE)
    found = f"  {length:,}" if length is not None else ""
    return Text.assemble(
        (invocation.function_name, ""), " ", (invocation.invocation_id, "dim"), " ", (visible(state), style), found
    )


def _field(invocation: InvocationInfo, name: str) -> int | None:
    """A number out of the latest output, which is a JSON object in this example."""
    output = invocation.latest.output if invocation.latest else None
    value = json.loads(output).get(name) if output else None
    return int(value) if value is not None else None
