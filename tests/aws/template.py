"""infrastructure/control-plane.yaml, as CloudFormation reads it: with parameters and attributes put in."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

TEMPLATE = Path(__file__).parents[2] / "infrastructure" / "control-plane.yaml"
_GONE = object()  # AWS::NoValue


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Knows the short forms: `!Sub x` is `{"Fn::Sub": "x"}`."""


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


@cache
def _document() -> dict[str, Any]:
    # A loader that makes nothing but plain values.
    document: dict[str, Any] = yaml.load(TEMPLATE.read_text(), Loader=_Loader)
    return document


def parameters() -> set[str]:
    return set(_document()["Parameters"])


def outputs() -> set[str]:
    return set(_document()["Outputs"])


class Template:
    """`parameters`: those that are not as by default. `values`: what references are, `Cluster` or `TaskRole.Arn`; those
    that it lacks are their names in angle brackets."""

    def __init__(self, parameters: Mapping[str, str] = {}, values: Mapping[str, str] = {}) -> None:
        declared = _document()["Parameters"]
        unknown = parameters.keys() - declared.keys()
        if unknown:
            raise KeyError(f"no parameters of the template: {sorted(unknown)}")
        self._parameters = {name: str(each.get("Default", "")) for name, each in declared.items()} | dict(parameters)
        self._lists = {name for name, each in declared.items() if each["Type"] == "CommaDelimitedList"}
        self._values = {"AWS::StackName": "control-plane", **values}

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Those whose conditions hold, by their names: type and properties."""
        return self._existing("Resources")

    @property
    def settings(self) -> dict[str, str]:
        """The outputs that are settings, by the settings' names."""
        return {name: value for name, value in self.outputs.items() if is_setting(name)}

    @property
    def outputs(self) -> dict[str, str]:
        """All of them, by their descriptions."""
        return {one["Description"]: one["Value"] for one in self._existing("Outputs").values()}

    def _existing(self, section: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = _document()[section]
        return {
            name: self._resolved({key: value for key, value in each.items() if key != "Condition"})
            for name, each in found.items()
            if "Condition" not in each or self._holds(each["Condition"])
        }

    def _holds(self, condition: str) -> bool:
        return bool(self._resolved(_document()["Conditions"][condition]))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self._resolved, value) if one is not _GONE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function in ("Ref", "Condition") or function.startswith("Fn::"):
                return self._called(function.removeprefix("Fn::"), argument)
        resolved = {key: self._resolved(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not _GONE}

    def _called(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._referred(argument)
            case "GetAtt":
                return self._referred(".".join(argument))
            case "Sub":
                return self._substituted(*([argument] if isinstance(argument, str) else argument))
            case "If":
                condition, then, otherwise = argument
                return self._resolved(then if self._holds(condition) else otherwise)
            case "Join":
                separator, parts = argument
                return separator.join(self._resolved(parts))
            case "Select":
                return f"<{function} {argument[0]}>"
            case "Condition":
                return self._holds(argument)
            case "Equals":
                first, second = self._resolved(argument)
                return first == second
            case "Not":
                return not self._resolved(argument)[0]
            case "And":
                return all(self._resolved(argument))
            case "Or":
                return any(self._resolved(argument))
        raise NotImplementedError(f"Fn::{function}")

    def _substituted(self, text: str, more: Mapping[str, Any] | None = None) -> str:
        local = self._resolved(dict(more or {}))
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(local.get(found[1], self._referred(found[1]))), text)

    def _referred(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _GONE
        if name in self._lists:
            return [one for one in self._parameters[name].split(",") if one]
        return self._parameters.get(name, self._values.get(name, f"<{name}>"))


def is_setting(description: str) -> bool:
    """Whether an output is a setting: then its description is the setting's name."""
    return re.fullmatch(r"[A-Z][A-Z_]+", description) is not None
