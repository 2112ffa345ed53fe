"""The verbs of the `control-plane` command: their names and what they are for, without importing what they do."""

from importlib.metadata import entry_points
from typing import NamedTuple

# Where other distributions add theirs: an entry point that is a mapping of names to Verbs.
GROUP = "control_plane.verbs"


class Verb(NamedTuple):
    """`home`: module, and function or group of them. `summary`: a line for `--help`. `panel`: under which heading it
    stands there."""

    home: str
    summary: str
    panel: str = "Your functions"


_VERBS = "control_plane.cli.verbs"
_HERE = "This machine"

USERS_VERBS = {
    "init": Verb(f"{_VERBS}.init:init", "Write a folder to start from: a function, its test, a Dockerfile."),
    "deploy": Verb(f"{_VERBS}.deploy:deploy", "Declare a folder's functions as a project's newest version."),
    "invoke": Verb(f"{_VERBS}.invoke:invoke", "Call a function."),
    "map": Verb(f"{_VERBS}.map:map_", "Call a function with every line of a file, and collect the results."),
    "logs": Verb(f"{_VERBS}.logs:logs", "Print what an invocation's containers have written."),
    "artifacts": Verb(f"{_VERBS}.artifacts:artifacts", "List and download the files that an invocation has kept."),
    "cancel": Verb(f"{_VERBS}.cancel:cancel", "Ask an invocation to stop."),
    "pause": Verb(f"{_VERBS}.pauses:pause", "Let nothing that waits of a project or function begin."),
    "resume": Verb(f"{_VERBS}.pauses:resume", "Let what waits of it go on."),
    "list": Verb(f"{_VERBS}.list:list_", "List a project's invocations, or projects."),
    "search": Verb(f"{_VERBS}.list:list_", "Find a project's invocations, as by a tag: list by another name."),
    "replay": Verb(f"{_VERBS}.replay:replay", "Run what has ended once more: an invocation, or all that failed."),
    "failures": Verb(f"{_VERBS}.failures:failures", "Show what has failed in a project, alike ones together."),
    "costs": Verb(f"{_VERBS}.costs:costs", "Show how long a project's containers ran, and what that costs."),
    "describe": Verb(
        f"{_VERBS}.describe:describe", "Show all there is to know about a project, function or invocation."
    ),
    "versions": Verb(f"{_VERBS}.versions:versions", "List a project's versions."),
    "rollback": Verb(f"{_VERBS}.versions:rollback", "Declare an older version once more, as the newest."),
    "secrets": Verb(f"{_VERBS}.secrets:secrets", "Set and list what functions must know and nobody may read."),
    "schedules": Verb(f"{_VERBS}.schedules:schedules", "Have functions called by the clock."),
    "webhooks": Verb(f"{_VERBS}.webhooks:webhooks", "Have ends of invocations told to a URL."),
    "undeploy": Verb(f"{_VERBS}.undeploy:undeploy", "Delete a project with all that is in it."),
    "use": Verb(f"{_VERBS}.use:use", "Choose one of this machine's stacks, or a project.", _HERE),
    "login": Verb(f"{_VERBS}.login:login", "Save a server and its API key.", _HERE),
    "logout": Verb(f"{_VERBS}.login:logout", "Forget what login saved.", _HERE),
    "completion": Verb(f"{_VERBS}.completion:completion", "Print what makes a shell complete this command.", _HERE),
}


def all_verbs() -> dict[str, Verb]:
    """Those of users first; then those of whoever else is installed."""
    found = dict(USERS_VERBS)
    for entry_point in entry_points(group=GROUP):
        found.update({name: Verb(*fields) for name, fields in entry_point.load().items()})
    return found
