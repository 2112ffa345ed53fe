"""What a function finds in its environment: variables as they are declared, and secrets by their names."""

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SECRET_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_ARN = re.compile(r"arn:aws[a-z-]*:(secretsmanager|ssm):[^\s]+", re.ASCII)

# What the control plane tells its own program.
_OURS = ("MULTINODE_", "CONTROL_PLANE_")
# Read by the loader of programs before ours begins: a library that does not fit ends it without a word. An image may
# set them, where they are tried together with what is in it.
_LOADERS = ("LD_",)
# By these our program, and the Python that runs it, are found and write their log; they would be replaced, or end it.
_PROGRAMS = frozenset(
    ("PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONSAFEPATH", "PYTHONUNBUFFERED", "PYTHONINSPECT")
)


def variable_problem(name: str) -> str | None:
    """Why a variable of a function cannot be called so; None if it can."""
    if _VARIABLE.fullmatch(name) is None:
        return "must be of letters, digits and underscores, and not begin with a digit"
    if name.startswith(_OURS):
        return f"must not begin with {' or '.join(_OURS)}, which are the control plane's own"
    if name.startswith(_LOADERS) or name in _PROGRAMS:
        return "would change how the program in the container starts; set it in the image instead"
    return None


def is_secret_name(text: str) -> bool:
    """Whether a secret of a project can be called so."""
    return _SECRET_NAME.fullmatch(text) is not None


def is_arn(reference: str) -> bool:
    """Whether a function's secret is one of AWS Secrets Manager or Parameter Store."""
    return _ARN.fullmatch(reference) is not None


def stored(secrets: Mapping[str, str]) -> dict[str, str]:
    """Of a function's secrets those that its project has, by the names of their variables."""
    return {name: reference for name, reference in secrets.items() if not is_arn(reference)}


def of_aws(secrets: Mapping[str, str]) -> dict[str, str]:
    """Those that AWS has: ARNs by the names of their variables."""
    return {name: reference for name, reference in secrets.items() if is_arn(reference)}
