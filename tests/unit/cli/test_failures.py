"""What is said of failures that are not shown."""

import pytest
from control_plane.cli.verbs.failures import _cut


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([], None),
        ([9_999], None),
        ([9_000, 1_000], "The newest 10,000 failures of 2 kinds; there may be more: "),
        (199 * [1], None),
        (200 * [2], "The newest 400 failures of 200 kinds; there may be more: "),
    ],
)
def test_where_there_may_be_more(counts: list[int], said: str | None) -> None:
    line = _cut(counts)
    assert line is None if said is None else line is not None and line.startswith(said)
