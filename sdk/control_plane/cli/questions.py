"""What commands ask on a terminal. Ctrl-C is heard at every moment, and leaves the terminal as it was."""

import asyncio
import os
import select
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import typer

_LOCAL_MODES = 3  # of what `termios.tcgetattr` returns


def confirm(question: str) -> bool:
    while True:
        answer = _ask(f"{question} [y/N]: ").strip().lower()
        if answer in ("", "n", "no", "y", "yes"):
            return answer.startswith("y")


def ask_secretly(question: str) -> str:
    with _without_echo(sys.stdin.fileno()):
        answer = _ask(question)
        sys.stderr.write("\n")  # the one that the user typed was not shown either
    return answer.rstrip("\r\n")


async def until_enter() -> None:
    """Until somebody presses Enter on the terminal, or leaves it."""
    loop = asyncio.get_running_loop()
    pressed = asyncio.Event()
    number = sys.stdin.fileno()
    loop.add_reader(number, pressed.set)
    try:
        await pressed.wait()
        os.read(number, 4096)
    finally:
        loop.remove_reader(number)


def _ask(question: str) -> str:
    """A line. Raises typer.Abort if there is none."""
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = _read_line()
    if not answer:
        raise typer.Abort
    return answer


def _read_line() -> str:
    """Byte by byte: what a buffer held back of a pipe, the wait for the next answer would not see."""
    line = b""
    while not line.endswith(b"\n"):
        _wait_for_input()
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            break
        line += byte
    return line.decode(errors="replace")


def _wait_for_input() -> None:
    """Reading alone would not notice a signal that comes in the last moment before it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    try:
        select.select((sys.stdin, reader), (), ())
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


@contextmanager
def _without_echo(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[_LOCAL_MODES] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
