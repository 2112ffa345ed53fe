"""What AWS's answers to the doctor mean where they are none."""

from botocore.exceptions import BotoCoreError, ClientError

from control_plane_server.cli.doctor.checks import Check, unknown
from control_plane_server.provisioners.ecs.calls import is_denied

# What a look may raise: AWS refuses, does not answer, or has no credentials of us.
NO_ANSWER = (BotoCoreError, ClientError, OSError)


def could_not_tell(name: str, error: Exception, *, action: str) -> Check:
    """`action`: what would have told, as IAM names it. That it is not allowed is no fault, as nothing else needs it."""
    if isinstance(error, ClientError) and is_denied(error):
        return unknown(
            name, "it may not be looked at", f"not needed to run; {action} would tell: see doctor_policy.json"
        )
    return unknown(name, one_line(error))


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
