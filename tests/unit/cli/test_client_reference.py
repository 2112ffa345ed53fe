"""docs/client-reference.md says what the docstrings say."""

from pathlib import Path

from control_plane_server.cli.client_reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "client-reference.md"


def test_the_page_is_the_one_that_would_be_made_now() -> None:
    assert PAGE.read_text() == reference(), "run: make reference"
