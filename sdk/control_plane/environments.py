"""What a function finds in its environment, as it is declared."""

from __future__ import annotations

from typing import Any, Dict


def environment_of(declared: Any) -> Dict[str, str]:
    """Texts by the names of their variables. Raises TypeError."""
    try:
        environment = dict(declared)
    except (TypeError, ValueError):
        raise TypeError('environment is a dict: environment={"MODE": "fast"}') from None
    for name, value in environment.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError("environment[%r] must be a text; write it in quotes" % (name,))
    return environment


def secrets_of(declared: Any) -> Dict[str, str]:
    """Names of secrets, or ARNs, by the names of their variables; a list has secrets that are called as their variables
    are. Raises TypeError."""
    how = 'secrets are a list, secrets=["DATABASE_URL"], or a dict: secrets={"DATABASE_URL": "billing-db"}'
    if isinstance(declared, str):
        raise TypeError(how)
    try:
        secrets = dict(declared) if hasattr(declared, "keys") else {name: name for name in declared}
    except (TypeError, ValueError):
        raise TypeError(how) from None
    if not all(isinstance(text, str) for pair in secrets.items() for text in pair):
        raise TypeError(how)
    return secrets
