"""What AWS says to callers of themselves: who they are, and by IAM's simulator, which moto lacks, what they may."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from tests.aws.policies import Need, Policies
from tests.aws.requests import Answer
from tests.aws.wire import Document

_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"


def identity(account: str, arn: str) -> Answer:
    """GetCallerIdentity."""
    fields = f"<Arn>{arn}</Arn><UserId>AROASTANDIN:session</UserId><Account>{account}</Account>"
    body = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult>{fields}</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    return Answer(200, body.encode(), [("Content-Type", "text/xml")])


def simulation(parameters: Document, policies: Policies | None) -> Answer:
    """SimulatePrincipalPolicy in the query protocol. `policies`: None may do everything."""
    results = "".join(_result(need, policies) for need in _asked(parameters))
    body = (
        f'<SimulatePrincipalPolicyResponse xmlns="{_NAMESPACE}"><SimulatePrincipalPolicyResult>'
        f"<IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults>"
        "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
    return Answer(200, body.encode(), [("Content-Type", "text/xml")])


def _result(need: Need, policies: Policies | None) -> str:
    is_allowed = policies is None or policies.refusal(need) is None
    return (
        f"<member><EvalActionName>{escape(need.action)}</EvalActionName>"
        f"<EvalResourceName>{escape(need.resource)}</EvalResourceName>"
        f"<EvalDecision>{'allowed' if is_allowed else 'implicitDeny'}</EvalDecision></member>"
    )


def _asked(parameters: Document) -> Iterator[Need]:
    keys = [key for key in parameters if key.startswith("ContextEntries.") and key.endswith(".ContextKeyName")]
    context = {
        parameters[key]: parameters[key.removesuffix("ContextKeyName") + "ContextKeyValues.member.1"] for key in keys
    }
    for action in _members(parameters, "ActionNames"):
        for resource in _members(parameters, "ResourceArns") or ["*"]:
            yield Need(action, resource, context)


def _members(parameters: Document, name: str) -> list[str]:
    return [str(value) for key, value in parameters.items() if key.startswith(f"{name}.member.")]
