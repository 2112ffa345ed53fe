"""`control-plane completion`: what makes a shell complete verbs and options."""

from enum import StrEnum
from typing import Annotated

import typer
from typer._completion_shared import get_completion_script

from control_plane.cli.output import print_line

_PROGRAM = "control-plane"


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> None:
    """Print what makes a shell complete this command, to be read at its start.

    For bash, in ~/.bashrc: eval "$(control-plane completion bash)"; for zsh the same with zsh in ~/.zshrc; for fish:
    control-plane completion fish > ~/.config/fish/completions/control-plane.fish
    """
    variable = f"_{_PROGRAM.upper().replace('-', '_')}_COMPLETE"
    print_line(get_completion_script(prog_name=_PROGRAM, complete_var=variable, shell=shell))
