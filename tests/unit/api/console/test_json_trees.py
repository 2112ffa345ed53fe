"""Values as trees that a page can show."""

import json

from api.console.views.json_trees import Node, shortened, tree_of


def test_a_value() -> None:
    text = '{"a": [1, 2.50, 1e999, "x\\"<b>", true, null], "b": {}}'
    root = tree_of(text)
    assert (root.kind, root.summary, root.is_open, root.left_out) == ("object", "2 fields", True, 0)
    array, empty = root.children
    assert (array.label, array.summary) == ("a", "6 items")
    assert [(node.kind, node.label, node.text) for node in array.children] == [
        ("number", "0", "1"),
        ("number", "1", "2.50"),
        ("number", "2", "1e999"),
        ("string", "3", '"x\\"<b>"'),
        ("boolean", "4", "true"),
        ("null", "5", "null"),
    ]
    assert (empty.kind, empty.children, empty.summary) == ("object", (), "0 fields")


def test_what_is_no_json_is_text() -> None:
    assert tree_of("hello") == Node(kind="text", text="hello")
    assert tree_of("[" * 100_000).kind == "text"
    assert tree_of("9" * 10_000).text.endswith("… (9,000 characters more)")


def test_a_tree_is_bounded() -> None:
    wide = tree_of(json.dumps(list(range(5_000))))
    assert (len(wide.children), wide.left_out) == (100, 4_900)
    deep = tree_of("[" * 40 + "]" * 40)
    depth = 0
    while deep.children:
        deep, depth = deep.children[0], depth + 1
    assert (depth, deep.left_out) == (12, 1)
    many = tree_of(json.dumps([[0] * 100] * 100))
    assert sum(1 + len(node.children) for node in many.children) <= 1_000
    (long,) = tree_of(json.dumps(["x" * 3_000])).children
    assert long.text.endswith('x"… (2,000 characters more)')


def test_shortened() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc… (1 characters more)"
