"""The README and the pages of docs/, as what a reader would do with them: commands to run, and what they print."""

import re
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# A block that no reader could run on any machine, or not in the same terminal, says so in its first line.
NEEDS_AWS = "# needs AWS"
OWN_TERMINAL = "# in a terminal of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Commands of a page, from `line` on. `output` is the text that the page shows after them, None without one."""

    page: Path
    line: int
    source: str
    output: str | None

    def is_marked(self, mark: str) -> bool:
        return self.source.startswith(mark + "\n")

    @property
    def make_targets(self) -> list[list[str]]:
        """If it is nothing but calls of make: the arguments of each."""
        words = [line.partition("#")[0].split() for line in self.source.splitlines()]
        calls = [line for line in words if line]
        return [line[1:] for line in calls] if all(line[0] == "make" for line in calls) else []


def blocks_of(page: Path) -> list[Block]:
    """All that is fenced as `sh`, in order; a `text` block right after one is its output."""
    text = page.read_text()
    fences = list(_FENCE.finditer(text))
    blocks = []
    for fence, following in zip_longest(fences, fences[1:]):
        if fence[1] == "sh":
            output = following[2] if following is not None and following[1] == "text" else None
            line = text.count("\n", 0, fence.start()) + 2
            blocks.append(Block(page=page, line=line, source=fence[2], output=output))
    return blocks


def python_of(page: Path) -> list[str]:
    """All that is fenced as `python`: shown, and not run as it stands."""
    return [fence[2] for fence in _FENCE.finditer(page.read_text()) if fence[1] == "python"]


def matches(shown: str, printed: str) -> bool:
    """Whether the lines that a page shows are in what was printed, in this order; `…` stands for anything."""
    patterns = (r"\s*" + re.escape(line.strip()).replace("…", ".*") for line in shown.splitlines() if line.strip())
    pattern = r"(?:.*\n)*?".join(re.sub(r"(\\ )+", r"\\s+", line) + r"\s*\n" for line in patterns)
    return re.search("^" + pattern, printed + "\n", re.MULTILINE) is not None
