"""The verbs for people, as Markdown, from what `--help` says:
`python -m control_plane_server.cli.reference docs/command-line.md`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from control_plane.cli.application import imported
from control_plane.cli.verb_lists import all_verbs

HEADING = "## Verbs\n"


def reference() -> str:
    """Each verb with its arguments and options."""
    verbs = (line for name, command in commands() for line in _verb(name, command))
    return "\n".join([HEADING, *verbs]) + "\n"


def with_reference(page: str) -> str:
    """The page with the verbs as they are now, in place of what stands after their heading."""
    return page.partition(HEADING)[0] + reference()


def commands() -> Iterator[tuple[str, Any]]:
    """All of them, those of groups by both their words."""
    for name, verb in all_verbs().items():
        command = imported(name, verb)
        if not hasattr(command, "commands"):
            yield name, command
            continue
        for each, member in command.commands.items():
            yield f"{name} {each}", member


def _verb(name: str, command: Any) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    shown = (option for option in options if option.name != "help")
    usage = " ".join(["control-plane", name, *map(_argument, arguments), *(["[OPTIONS]"] if options else [])])
    yield f"### {name}\n\n    {usage}\n"
    yield from (" ".join(paragraph.split()) + "\n" for paragraph in re.split(r"\n\s*\n", command.help))
    described = [f"| `{_in_a_table(_argument(one))}` | {one.help} |" for one in arguments if one.help]
    described += [f"| {_names(one)} | {_meaning(one)} |" for one in shown]
    if described:
        yield "| | |\n| --- | --- |\n" + "\n".join(described) + "\n"


def _argument(argument: Any) -> str:
    name: str = argument.metavar or argument.name.upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _in_a_table(name: str) -> str:
    return name.replace("|", "\\|")


def _names(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return ", ".join(f"`{name}{value}`" for name in option.opts)


def _meaning(option: Any) -> str:
    has_default = not option.is_flag and option.default is not None
    return f"{option.help} Default: `{option.default}`" if has_default else str(option.help)


def main() -> None:
    path = Path(sys.argv[1])
    path.write_text(with_reference(path.read_text()))


if __name__ == "__main__":
    main()
