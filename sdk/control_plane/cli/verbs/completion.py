"""`control-plane completion`: what makes a shell complete verbs and options."""

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import show_callback
from typer.main import get_command

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
    command = get_command(typer.Typer(callback=lambda: None))
    show_callback(typer.Context(command, info_name=_PROGRAM), command.params[0], shell.value)
