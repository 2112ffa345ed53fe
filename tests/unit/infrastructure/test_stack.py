"""The template with all options, applied by moto's CloudFormation."""

from moto.acm.models import acm_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends

from tests.aws.stack import make_stack

REGION = "eu-west-1"


def test_all_of_it() -> None:
    domain = "control-plane.example.com"
    certificates = acm_backends[DEFAULT_ACCOUNT_ID][REGION]
    settings = make_stack(
        REGION,
        {
            "RunServices": "true",
            "ControlPlaneImage": "control-plane:1",
            "DomainName": domain,
            "CertificateArn": certificates.request_certificate(domain, "", [], []),
            "ApiClientCidr": "10.0.0.0/8",
            "SecretsKeys": "a key",
            "TemporalAddress": "temporal.example.com:7233",  # moto does not know Cloud Map's names
        },
    )
    assert settings["CONTROL_PLANE_API_URL"] == f"https://{domain}"
    assert settings["POSTGRES_HOST"].endswith(f"{REGION}.rds.amazonaws.com")
    services = ecs_backends[DEFAULT_ACCOUNT_ID][REGION].services.values()
    assert {(service.name, service.desired_count) for service in services} == {
        ("control-plane-api", 2),
        ("control-plane-loop", 2),
    }
    (balancer,) = elbv2_backends[DEFAULT_ACCOUNT_ID][REGION].load_balancers.values()
    assert balancer.scheme == "internal"
