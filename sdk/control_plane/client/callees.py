"""What a client knows of the functions that it calls: looked up once, so that calls are checked before they go."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from control_plane.binding import bind, bind_text
from control_plane.errors import Refused
from control_plane.options import Options
from control_plane.protocol.answers import FunctionInfo, Version
from control_plane.protocol.api import Api
from control_plane.protocol.paths import LATEST, function_path
from control_plane.protocol.steps import Plan

_MOST_NAMES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """A function of a project, as it is deployed. `path`: of the version that was asked for, which may be `latest`."""

    project: str
    name: str
    path: str
    is_command: bool
    signature: Mapping[str, Any] | None

    def input_of(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Raises TypeError for arguments that it does not take."""
        if self.is_command:
            return bind_text(args, kwargs, function_name=self.name)
        return bind(self.signature, args, kwargs, function_name=self.name)


class Callees:
    """Of one client. May be used by any number of threads: at worst something is looked up twice."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._found: dict[tuple[str, str, str], Callee] = {}

    def bound(
        self, project: str, name: str, version: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Plan[tuple[Callee, str]]:
        """The function, and these arguments as its input. Raises TypeError for arguments that it does not take, and
        Refused as `find`."""
        was_known = (project, version, name) in self._found
        callee = yield from self.find(project, name, version)
        try:
            return callee, callee.input_of(args, kwargs)
        except TypeError:
            if not was_known:
                raise
            self._found.pop((project, version, name), None)  # it may have been deployed again
        callee = yield from self.find(project, name, version)
        return callee, callee.input_of(args, kwargs)

    def find(self, project: str, name: str, version: str = LATEST) -> Plan[Callee]:
        """Raises Refused, which names those that there are."""
        key = (project, version, name)
        if key not in self._found:
            self._found[key] = yield from self._look_up(project, name, version)
        return self._found[key]

    def is_command(self, project: str, name: str, version: str) -> Plan[bool]:
        """Of a function that has been called; False if its project is gone."""
        try:
            callee = yield from self.find(project, name, version)
        except Refused:
            return False
        return callee.is_command

    def _look_up(self, project: str, name: str, version: str) -> Plan[Callee]:
        try:
            found = yield from self._api.version(project, version)
        except Refused as refused:
            detail = yield from self._explanation(refused, project, version)
            raise Refused(status=refused.status, code=refused.code, detail=detail) from refused
        function = _function_of(found, project, name)
        return Callee(
            project=project,
            name=name,
            path=function_path(project, version, name),
            is_command=function.command is not None,
            signature=function.signature,
        )

    def _explanation(self, refused: Refused, project: str, version: str) -> Plan[str]:
        if refused.code == "ProjectDoesNotExist":
            answer = yield from self._api.projects()
            names = [found.project_name for found in answer.projects]
            return f"there is no project {project!r}; {there_are(names, meant=project, otherwise='there is none yet')}"
        if refused.code == "VersionDoesNotExist":
            if version == LATEST:
                return f"project {project!r} has no version yet; make one with: control-plane deploy DIR"
            answer_ = yield from self._api.versions(project)
            names = [found.version_id for found in answer_.versions]
            return f"project {project!r} has no version {version!r}; {there_are(names, meant=version, otherwise='')}"
        return refused.detail


def named(project: str, function: object) -> str:
    """The name of a function that is given as such, or by its name. Raises TypeError."""
    name = function if isinstance(function, str) else getattr(function, "__name__", None)
    if not isinstance(name, str) or not name:
        raise TypeError(f"{function!r} is no function of {project!r}: give a declared function, or its name")
    return name


def split_options(kwargs: dict[str, Any]) -> tuple[Options, dict[str, Any]]:
    """A keyword `options` that holds Options is ours, any other the function's."""
    if isinstance(kwargs.get("options"), Options):
        rest = dict(kwargs)
        return rest.pop("options"), rest
    return Options(), kwargs


def there_are(names: Iterable[str], *, meant: str, otherwise: str) -> str:
    """Those that exist, as part of a sentence, and which of them is probably meant."""
    known = list(names)
    if not known:
        return otherwise
    more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
    nearest = difflib.get_close_matches(meant, known, n=1)
    question = f"; is {nearest[0]!r} meant?" if nearest and len(known) > 1 else ""
    return f"there {'is' if len(known) == 1 else 'are'}: {', '.join(known[:_MOST_NAMES])}{more}{question}"


def _function_of(version: Version, project: str, name: str) -> FunctionInfo:
    for function in version.functions:
        if function.function_name == name:
            return function
    names = [function.function_name for function in version.functions]
    raise Refused(
        status=404,
        code="FunctionDoesNotExist",
        detail=f"project {project!r} has no function {name!r}; "
        + there_are(names, meant=name, otherwise="it has none at all"),
    )
