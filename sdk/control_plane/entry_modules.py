"""Which module of a folder declares its functions: main.py, unless the folder or the environment names another.

`control-plane deploy FOLDER --module images.jobs` notes it in the folder that runs; an image of one's own says
`ENV CONTROL_PLANE_MODULE=images.jobs`.
"""

from __future__ import annotations

import os
from json import dumps, loads

MAIN = "main"
VARIABLE = "CONTROL_PLANE_MODULE"
NOTE = ".control-plane.json"  # at the top of the folder that runs


class ModuleIsMissing(Exception):
    """The text says in one line what is not there, and where."""


def split(target: str) -> tuple[str, str]:
    """The folder and the module that a file, or the name of a module of the working directory, stands for."""
    if not target.endswith(".py"):
        return os.getcwd(), target
    folder, name = os.path.split(os.path.abspath(target))
    return folder, os.path.splitext(name)[0]


def note(module: str) -> str:
    """What the file NOTE says of a folder whose functions are in this module."""
    return dumps({"module": module})


def named_in(folder: str) -> str:
    """`images.jobs`, for example. Raises ModuleIsMissing if the note cannot be read."""
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    try:
        with open(os.path.join(folder, NOTE), encoding="utf-8") as file:
            module = loads(file.read())["module"]
    except FileNotFoundError:
        return MAIN
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModuleIsMissing("%s in %s names no module: %s" % (NOTE, folder, error)) from error
    return str(module)


def file_of(module: str, folder: str) -> str:
    """Its file, as seen from the folder. Raises ModuleIsMissing."""
    path = module.replace(".", os.sep)
    for file in (path + ".py", os.path.join(path, "__init__.py")):
        if os.path.isfile(os.path.join(folder, file)):
            return file
    raise ModuleIsMissing("There is no %s.py in %s" % (path, folder))
