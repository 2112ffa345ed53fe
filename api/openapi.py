"""The OpenAPI document, written as OpenAPI 3.0 has it: FastAPI speaks 3.1 only."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.constants import REF_PREFIX
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.tags import DESCRIPTIONS

OPENAPI_VERSION = "3.0.3"

_ANY_OF = "anyOf"
_EXCLUSIVE_MINIMUM = "exclusiveMinimum"  # in 3.1 a number of its own, in 3.0 a mark on `minimum`
_NULL = {"type": "null"}


def operation_id(route: APIRoute) -> str:
    """The route's name, after which generated clients name their methods."""
    return route.name


def use_openapi_3_0(app: FastAPI, routes: Sequence[APIRoute], *, models: Sequence[type[BaseModel]] = ()) -> None:
    """Make the app serve its document of these routes, in their order and in version 3.0.3. The document is built
    once, when it is first asked for. `models`: those that routes read or write by themselves, and name in their
    descriptions."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                openapi_version=OPENAPI_VERSION,
                routes=routes,
                tags=[{"name": tag.value, "description": text} for tag, text in DESCRIPTIONS.items()],
                separate_input_output_schemas=app.separate_input_output_schemas,
            )
            _, definitions = models_json_schema(
                [(model, "validation") for model in models], ref_template=f"{REF_PREFIX}{{model}}"
            )
            document["components"]["schemas"] |= definitions.get("$defs", {})
            app.openapi_schema = _as_3_0(document)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _as_3_0(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_3_0(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {key: _as_3_0(item) for key, item in node.items()}
    if isinstance(converted.get(_EXCLUSIVE_MINIMUM), float):
        converted |= {"minimum": converted[_EXCLUSIVE_MINIMUM], _EXCLUSIVE_MINIMUM: True}
    alternatives = converted.get(_ANY_OF)
    if isinstance(alternatives, list) and _NULL in alternatives:
        return _nullable(converted, [item for item in alternatives if item != _NULL])
    return converted


def _nullable(schema: dict[str, Any], alternatives: list[Any]) -> dict[str, Any]:
    """In 3.0 null is no type but a property of a schema. A reference must have no siblings, so it is wrapped in
    allOf."""
    rest = {key: item for key, item in schema.items() if key != _ANY_OF}
    if len(alternatives) > 1:
        return {**rest, _ANY_OF: alternatives, "nullable": True}
    (only,) = alternatives
    if "$ref" in only:
        return {**rest, "allOf": [only], "nullable": True}
    return {**rest, **only, "nullable": True}
