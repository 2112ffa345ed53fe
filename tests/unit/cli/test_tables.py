"""Tables that fit: what matters least goes, what may be cut is cut, and nothing else."""

from control_plane.cli.tables import Column, cut, fitted

_COLUMNS = (
    Column(name="ID"),
    Column(name="STATE"),
    Column(name="CREATED", rank=2),
    Column(name="VERSION", rank=3),
    Column(name="ERROR", rank=1, narrowest=8),
)
_ROW = ("inv-1a2b3c4d", "failed", "2026-11-28 12:00:00", "ver-1a2b3c4d", "ValueError: no such city")


def _lines(width: int | None, row: tuple[str, ...] = _ROW) -> list[str]:
    table = fitted(_COLUMNS, [row], width=width)
    return ["  ".join(table.head).rstrip(), "  ".join(cell.text for cell in table.rows[0]).rstrip()]


def test_everything_where_it_fits_and_where_nobody_looks() -> None:
    whole = "inv-1a2b3c4d  failed  2026-11-28 12:00:00  ver-1a2b3c4d  ValueError: no such city"
    assert _lines(None)[1] == _lines(len(whole))[1] == whole


def test_what_may_be_cut_is_cut_before_anything_goes() -> None:
    assert _lines(70)[1] == "inv-1a2b3c4d  failed  2026-11-28 12:00:00  ver-1a2b3c4d  ValueError: …"


def test_what_matters_least_goes_first() -> None:
    assert _lines(60)[1] == "inv-1a2b3c4d  failed  2026-11-28 12:00:00  ValueError: no s…"
    assert _lines(20) == ["ID            STATE", "inv-1a2b3c4d  failed"]


def test_an_id_is_never_cut() -> None:
    assert _lines(5)[1].startswith("inv-1a2b3c4d  failed")


def test_a_luxury_goes_before_a_message_becomes_uncomfortable() -> None:
    columns = (Column(name="ID"), Column(name="VERSION", rank=7), Column(name="E", rank=1, narrowest=4, comfortable=10))
    row = ("inv-1", "ver-1", "ValueError: no")
    shown = [[cell.text for cell in fitted(columns, [row], width=width).rows[0]] for width in (26, 25, 17, 12)]
    assert shown == [
        ["inv-1", "ver-1  ", "ValueErro…"],
        ["inv-1", "ValueError: no"],
        ["inv-1", "ValueErro…"],
        ["inv-1", "Valu…"],
    ]


def test_columns_that_hold_nothing_are_left_out() -> None:
    assert _lines(None, ("inv-1", "queued", "", "", "")) == ["ID     STATE", "inv-1  queued"]


def test_wide_characters_are_cut_by_what_they_take() -> None:
    assert cut("日本語日本語", 5) == "日本…"
    assert cut("日本", 4) == "日本"
    assert cut("x", 0) == ""
