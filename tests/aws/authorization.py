"""Who calls, and whether they may: policies of the template are evaluated before a call does anything."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from tests.aws.errors import AwsError
from tests.aws.needs import Place, needs_of
from tests.aws.object_needs import object_needs
from tests.aws.policies import Need, Policies
from tests.aws.requests import Answer, AwsRequest
from tests.aws.simulator import identity, simulation

_DENIED = {"ec2": ("UnauthorizedOperation", 403), "iam": ("AccessDenied", 403), "s3": ("AccessDenied", 403)}


class Authorization:
    """`policies`: by access keys. Whoever has another one may do everything."""

    def __init__(self, place: Place, policies: Mapping[str, Policies]) -> None:
        self._place = place
        self._policies = policies

    def check(self, http_request: web.Request, request: AwsRequest) -> None:
        """Raises AwsError as AWS refuses."""
        key, service = _signer(http_request)
        policies = self._policies.get(key)
        if policies is None:
            return
        for need in self._needs(http_request, request, service):
            refusal = policies.refusal(need)
            if refusal is not None:
                code, status = _DENIED.get(service, ("AccessDeniedException", 400))
                refused = f"is not authorized to perform: {need.action} on resource: {need.resource} {refusal}"
                message = f"User: {self._arn(key)} {refused}"
                raise AwsError(code, message, status=status)

    def about_caller(self, http_request: web.Request, request: AwsRequest) -> Answer | None:
        """Who calls, or what IAM's simulator says of the caller's own policies. None: something else is asked."""
        key, _ = _signer(http_request)
        if request.action == "SimulatePrincipalPolicy":
            return simulation(request.parameters, self._policies.get(key))
        if request.action == "GetCallerIdentity":
            return identity(self._place.account, self._arn(key))
        return None

    def _arn(self, key: str) -> str:
        return f"arn:aws:sts::{self._place.account}:assumed-role/{key}/session"

    def _needs(self, http_request: web.Request, request: AwsRequest, service: str) -> Iterable[Need]:
        if service == "s3":
            return object_needs(http_request.method, http_request.path, http_request.query)
        parameters: dict[str, Any] = request.parameters
        return needs_of(service, request.action, parameters, self._place)


def _signer(request: web.Request) -> tuple[str, str]:
    """The access key and the service of a signature: key/date/region/service/aws4_request, in a header or, of a request
    that was signed for somebody else, in the query."""
    header = request.headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0]
    scope = (header or request.query.get("X-Amz-Credential", "")).split("/")
    return (scope[0], scope[3]) if len(scope) == 5 else ("", "")
