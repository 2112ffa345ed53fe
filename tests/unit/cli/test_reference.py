"""docs/command-line.md says what the verbs' own help says."""

from pathlib import Path

from control_plane.cli.verb_lists import all_verbs

from control_plane_server.cli.reference import commands, with_reference

PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"


def test_the_page_is_the_one_that_would_be_made_now() -> None:
    assert PAGE.read_text() == with_reference(PAGE.read_text()), "run: make reference"


def test_every_verb_is_in_it() -> None:
    headings = [line.removeprefix("### ") for line in PAGE.read_text().splitlines() if line.startswith("### ")]
    assert headings == [name for name, _ in commands()]
    assert list(dict.fromkeys(heading.partition(" ")[0] for heading in headings)) == list(all_verbs())
