"""An invocation, those that it has started, and those that these have started, as a tree."""

from control_plane.cli.children import NOT_SUCCEEDED, child_counts, children_of
from control_plane.cli.invocation_rows import label
from control_plane.cli.output import print_cells
from control_plane.cli.states import in_order
from control_plane.cli.tables import Cell
from control_plane.client.connections import AsyncConnection
from control_plane.client.listing import ProjectInvocation

_SHOWN = 20  # below one; of those that have not succeeded ten times as many
_DEEPEST = 20
_MOST_LINES = 1_000
_DIM = "2"


async def print_tree(connection: AsyncConnection, project: str, root: ProjectInvocation) -> None:
    """Line by line, as they are read. What has not succeeded comes first; of many that have, some are shown, and of a
    tree so many lines at most."""
    print_cells(label(root))
    await _Tree(connection, project).print_below(root, "", depth=1)


class _Tree:
    """`_lines`: how many may follow; without a bound on all of them, those of each level multiply."""

    def __init__(self, connection: AsyncConnection, project: str) -> None:
        self._connection = connection
        self._project = project
        self._lines = _MOST_LINES

    async def print_below(self, parent: ProjectInvocation, indent: str, *, depth: int) -> None:
        children, rest = await _children(self._connection, self._project, parent.invocation_id)
        for number, child in enumerate(children):
            if not self._lines:
                rest = f"and more: control-plane describe {parent.invocation_id} --tree"
                break
            self._lines -= 1
            is_last = number == len(children) - 1 and not rest
            print_cells([Cell(indent + ("└── " if is_last else "├── ")), *label(child)])
            below = indent + ("    " if is_last else "│   ")
            if depth < _DEEPEST:
                await self.print_below(child, below, depth=depth + 1)
        if rest:
            print_cells([Cell(f"{indent}└── "), Cell(rest, _DIM)])


async def _children(connection: AsyncConnection, project: str, parent: str) -> tuple[list[ProjectInvocation], str]:
    """Those to be shown, and what is to be said of the others."""
    newest = await children_of(connection, project, parent, limit=_SHOWN + 1)
    if len(newest) <= _SHOWN:
        oldest_first = newest[::-1]
        return sorted(oldest_first, key=_is_fine), ""
    failed = await children_of(connection, project, parent, limit=10 * _SHOWN, outcomes=NOT_SUCCEEDED)
    fine = [child for child in newest if _is_fine(child)][:_SHOWN]
    counts = await child_counts(connection, project, parent)
    shown = [*reversed(failed), *reversed(fine)]
    left = sum(counts.values()) - len(shown)
    how = ", ".join(f"{count:,} {state}" for state, count in in_order(counts))
    return shown, f"and {left:,} more; in all {how}" if left > 0 else ""


def _is_fine(child: ProjectInvocation) -> bool:
    return child.outcome not in NOT_SUCCEEDED
