"""docs/rest.md says what the API's own description says."""

from pathlib import Path

from api.app import describe_app
from api.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "rest.md"


def test_the_page_is_the_one_that_would_be_made_now() -> None:
    assert PAGE.read_text() == reference(describe_app().openapi()), "run: make reference"


def test_every_endpoint_and_every_model_is_in_it() -> None:
    document = describe_app().openapi()
    headings = {line.removeprefix("### ") for line in PAGE.read_text().splitlines() if line.startswith("### ")}
    operations = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert headings == operations | set(document["components"]["schemas"])
