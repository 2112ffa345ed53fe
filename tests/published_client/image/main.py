"""A project as users of the published SDK write it."""

from pathlib import Path

from multinode import Multinode

mn = Multinode()


@mn.function(cpu=0.25, memory="512 MiB")
def add(left, right):
    print(f"adding {left} and {right}")
    return left + right


@mn.function(cpu=0.25, memory="512 MiB")
def count(steps):
    for step in range(steps):
        yield {"step": step}


@mn.function(cpu=0.25, memory="512 MiB", max_retries=2)
def fail_at_first(notes):
    with open(notes, "a") as file:
        file.write("run\n")
    runs = len(Path(notes).read_text().splitlines())
    if runs < 2:
        raise ValueError(f"run {runs}")
    return runs


@mn.function(cpu=0.25, memory="512 MiB")
def fail():
    raise ValueError("always")


@mn.function(cpu=0.25, memory="512 MiB")
def add_remotely(left, right):
    return add.call_remote(left, right)
