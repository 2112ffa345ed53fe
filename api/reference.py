"""The REST reference for people, as Markdown, from the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]

_INTRODUCTION = """\
# REST reference

Made from the API's own description by `make reference`; a test holds it to that. For programs it is at `/openapi.json`,
and every control plane shows it at `/docs`, where requests can be tried, and at `/redoc`, both without a network:

![/docs](images/api-docs.png)

Requests carry `Authorization: Bearer KEY`. Bodies and answers are JSON, times are seconds since 1970, success is 200.
An error's body is `{"detail": "…"}` with exactly the text given here; 422 says in `detail` which fields are wrong and
why, up to 20 of them. What is unknown in a request is ignored, and answers may get further fields.
"""


def reference(document: Node) -> str:
    """Markdown: every endpoint, group by group, then every model. `document`: OpenAPI 3.0."""
    endpoints = (line for tag in document["tags"] for line in _group(tag, document["paths"]))
    models = (line for name, schema in document["components"]["schemas"].items() for line in _model(name, schema))
    return "\n".join([_INTRODUCTION, *endpoints, "", "## Models", *models]) + "\n"


def _group(tag: Node, paths: Node) -> Iterator[str]:
    yield f"\n## {tag['name'].capitalize()}\n"
    yield tag["description"]
    for path, operations in paths.items():
        yield from _path(path, {method: one for method, one in operations.items() if tag["name"] in one["tags"]})


def _path(path: str, operations: Node) -> Iterator[str]:
    for method, operation in operations.items():
        yield f"\n### {operation['operationId']}\n"
        yield f"    {method.upper()} {path}\n"
        yield from filter(None, [_text(operation.get("description", ""))])
        yield from _parameters(operation.get("parameters", []))
        if (body := _content(operation.get("requestBody", {}))) is not None:
            yield f"\nBody: {body}"
        yield from _responses(operation["responses"])


def _parameters(parameters: list[Node]) -> Iterator[str]:
    beside_the_path = [one for one in parameters if one["in"] != "path"]
    if beside_the_path:
        yield "\n| parameter | in | type | |\n| --- | --- | --- | --- |"
    for one in beside_the_path:
        schema = one["schema"]
        yield f"| `{one['name']}` | {one['in']} | {_type(schema)} | {_notes(schema, one['required'])} |"


def _responses(responses: Node) -> Iterator[str]:
    yield "\n| status | |\n| --- | --- |"
    for status, response in responses.items():
        answer = _content(response) if status == "200" else None
        yield f"| {status} | {answer or response['description'].replace('; ', '<br>')} |"


def _content(node: Node) -> str | None:
    """What a body or an answer holds: a link to its model, or its media type."""
    for media_type, content in node.get("content", {}).items():
        schema = content.get("schema", {})
        return _type(schema) if media_type == "application/json" and schema else f"`{media_type}`"
    return None


def _model(name: str, schema: Node) -> Iterator[str]:
    yield f"\n### {name}\n"
    yield from filter(None, [_text(schema.get("description", ""))])
    if "enum" in schema:
        yield "\nOne of " + ", ".join(f"`{value}`" for value in schema["enum"]) + "."
        return
    yield "\n| field | type | |\n| --- | --- | --- |"
    required = schema.get("required", [])
    for field, one in schema.get("properties", {}).items():
        yield f"| `{field}` | {_type(one)} | {_notes(one, field in required)} |"


def _type(schema: Node) -> str:
    if (link := schema.get("$ref")) is not None:
        name = link.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "any"))


def _notes(schema: Node, is_required: bool) -> str:
    """Bounds and defaults, as far as they are written in the document."""
    notes = ["required"] if is_required else []
    if schema.get("nullable"):
        notes.append("may be null")
    if schema.get("default") is not None:
        notes.append(f"default {schema['default']}")
    bounds = (("minimum", "at least {:g}"), ("exclusiveMinimum", "more than {:g}"), ("maximum", "at most {:g}"))
    for key, words in bounds:
        if isinstance(schema.get(key), (int, float)) and not isinstance(schema[key], bool):
            more = "more than {:g}" if key == "minimum" and schema.get("exclusiveMinimum") is True else words
            notes.append(more.format(schema[key]))
    if schema.get("maxLength"):
        notes.append(f"at most {schema['maxLength']:,} characters")
    if schema.get("maxItems"):
        notes.append(f"at most {schema['maxItems']:,} items")
    return ", ".join(notes)


def _text(text: str) -> str:
    return " ".join(text.split())
