"""The console script `generate-schema`: the OpenAPI document and the error types for generators of clients, and the
reference for people."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from api.app import describe_app
from api.reference import reference
from control_plane_server.domain.errors import ApiError, BadRequest, Conflict, Forbidden, NotFound

_KINDS = (Forbidden, BadRequest, NotFound, Conflict)


def main() -> None:
    parser = argparse.ArgumentParser(prog="generate-schema", description=__doc__)
    parser.add_argument("--schema-output", type=Path, required=True, metavar="FILE", help="for the OpenAPI document")
    parser.add_argument("--error-types-output", type=Path, required=True, metavar="FILE", help="for the error types")
    parser.add_argument("--reference-output", type=Path, metavar="FILE", help="for the reference, as Markdown")
    options = parser.parse_args()
    document = describe_app().openapi()
    _write(options.schema_output, document)
    _write(options.error_types_output, error_types())
    if options.reference_output is not None:
        options.reference_output.write_text(reference(document), encoding="utf-8")


def error_types() -> list[dict[str, str | int]]:
    """Every error that a client may tell from others, by class name, status code and exact detail."""
    return [
        {"class": error.__name__, "code": error.http_status, "detail": error.default_message()}
        for kind in _KINDS
        for error in _leaves(kind)
    ]


def _leaves(kind: type[ApiError]) -> Iterator[type[ApiError]]:
    for error in kind.__subclasses__():
        if not error.__subclasses__():
            yield error
        yield from _leaves(error)


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
