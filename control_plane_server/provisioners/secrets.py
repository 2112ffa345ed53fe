"""Secrets that a platform would have to hand over itself."""

from control_plane_server.domain.entities import Function
from control_plane_server.domain.environments import of_aws
from control_plane_server.domain.errors import FunctionFailure


def refuse_secrets_of_aws(function: Function) -> None:
    """Where nothing reads them. Raises FunctionFailure."""
    found = next(iter(of_aws(function.secrets)), None)
    if found is not None:
        raise FunctionFailure(
            f"The secret for {found} is an ARN, which only the provisioner ecs reads; name a secret of the project "
            f"instead: control-plane secrets set PROJECT {found}"
        )
