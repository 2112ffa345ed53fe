"""Functions of the tests of the docker provisioner."""

import os
import time


def greet():
    print("hello")
    return dict(os.environ)


def leave(code):
    os._exit(code)


def hold():
    print("ready", flush=True)
    time.sleep(1_000)


def take_memory(mib):
    """And touch it, in small pieces, so that it is taken for real."""
    held = [bytearray(1024 * 1024) for _ in range(mib)]
    return len(held)


def misbehave(source):
    names = {}
    exec(source, names)
    return names["f"]()
