"""Types of what a function finds in its environment, as requests declare it. No message repeats a value."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from api.schemas.bounded import Text, storable
from control_plane_server.domain import bounds, environments


def _named_properly(names: object, field_name: str | None) -> None:
    for name in names if isinstance(names, dict) else ():
        problem = environments.variable_problem(storable(name))
        if problem is not None:
            raise ValueError(f"{field_name}: {name} {problem}")


def _bytes_of(variables: dict[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())


def _usable_environment(variables: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    _named_properly(variables, info.field_name)
    if _bytes_of(variables) > bounds.MAX_ENVIRONMENT_BYTES:
        raise ValueError(
            f"{info.field_name} must not exceed {bounds.MAX_ENVIRONMENT_BYTES} bytes, names and values together"
        )
    return variables


def _usable_secrets(secrets: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    """`environment`, if it is proper, was read before."""
    _named_properly(secrets, info.field_name)
    for name, reference in secrets.items():
        if environments.is_arn(reference) and len(reference) <= bounds.MAX_SECRET_ARN_LENGTH:
            continue
        if not environments.is_secret_name(reference) or len(reference) > bounds.MAX_SECRET_NAME_LENGTH:
            raise ValueError(
                f"{info.field_name}: {name} must name a secret of the project, or an ARN of Secrets Manager or "
                "Parameter Store; a value belongs in neither"
            )
    variables: dict[str, str] = info.data.get("environment") or {}
    twice = next((name for name in secrets if name in variables), None)
    if twice is not None:
        raise ValueError(f"{info.field_name}: {twice} is in environment as well; leave one of them out")
    if _bytes_of(variables) + _bytes_of(secrets) > bounds.MAX_ENVIRONMENT_BYTES:
        raise ValueError(f"{info.field_name} and environment must not exceed {bounds.MAX_ENVIRONMENT_BYTES} bytes")
    return secrets


# Texts by the names of their variables.
Environment = Annotated[dict[str, Text], AfterValidator(_usable_environment)]
# By the names of their variables: names of secrets of the project, or ARNs.
Secrets = Annotated[
    dict[str, Text],
    Field(max_length=bounds.MAX_SECRETS_OF_FUNCTION),
    AfterValidator(_usable_secrets),
]
