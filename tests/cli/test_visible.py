"""Texts of others on our screens: shown, neither obeyed nor taken for anything but text."""

import pytest
from control_plane.cli.output import fail, note, print_fields, print_line, print_table
from control_plane.cli.shortening import shortened
from control_plane.cli.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]2;owned\x07", r"\x1b[2J\x1b]2;owned\x07"),
        ("half\rover\b\b", r"half\rover\x08\x08"),
        ("\x9b31m", r"\x9b31m"),
        ("access\u202elatot", r"access\u202elatot"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("☃ [bold]x[/bold] :key: \\x1b", "☃ [bold]x[/bold] :key: \\x1b"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_every_screen_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "main.c:100: [red]no[/red] :key: \x1b[1m"
    shown = r"main.c:100: [red]no[/red] :key: \x1b[1m"
    note(text)
    fail(text)
    print_fields([("Error", text), ("N", 1)])
    print_table(("A", "B"), [(text, "x\ny"), ("☃", "2")])
    written = capsys.readouterr()
    assert written.err == f"{shown}\ncontrol-plane: {shown}\n"
    rows = [f"{'A':<{len(shown)}}  B", f"{shown}  x\\ny", f"{'☃':<{len(shown)}}  2"]
    assert written.out == "\n".join([f"Error  {shown}", "N      1", *rows]) + "\n"


def test_a_long_text_is_cut_on_a_screen_and_says_how_long_it_is() -> None:
    assert shortened("x" * 2_000) == "x" * 2_000
    assert shortened("x" * 20_000) == "x" * 2_000 + "… (20,000 characters; all of them with --json)"


def test_data_for_a_program_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("\x1b[31mred\x1b[0m\r")
    assert capsys.readouterr().out == "\x1b[31mred\x1b[0m\r\n"


def test_columns_stand_below_each_other_whatever_is_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "B"), [("日本", "1"), ("e\u0301", "2"), ("ab", "3")])
    assert capsys.readouterr().out == "A     B\n日本  1\ne\u0301     2\nab    3\n"
