"""The capacity providers of the account's cluster: Fargate's, machines of EC2, and machines that ECS manages."""

from tests.aws.account import Account
from tests.aws.errors import client_error
from tests.aws.wire import EC2_PROVIDER, MANAGED_PROVIDER, Document

HOSTS = {
    "FARGATE": "FARGATE",
    "FARGATE_SPOT": "FARGATE",
    EC2_PROVIDER: "EC2",
    MANAGED_PROVIDER: "MANAGED_INSTANCES",
}
_DETAILS: dict[str, Document] = {
    EC2_PROVIDER: {
        "type": "EC2_AUTOSCALING",
        "autoScalingGroupProvider": {"autoScalingGroupArn": "arn:aws"},
    },
    MANAGED_PROVIDER: {
        "type": "MANAGED_INSTANCES",
        "managedInstancesProvider": {"infrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure"},
    },
}


def host_of(provider: str | None) -> str:
    """What tasks run on, as `requiresCompatibilities` names it. None: the launch type FARGATE."""
    return "FARGATE" if provider is None else HOSTS[provider]


class CapacityProviders:
    def __init__(self, account: Account) -> None:
        self._account = account

    def describe(self, request: Document) -> Document:
        """DescribeCapacityProviders, of one cluster. Raises AwsError."""
        names = request.get("capacityProviders", [])
        if not names or len(names) > 100:
            raise client_error("The stand-in describes 1 to 100 capacity providers by their names")
        cluster_arn = self._account.cluster_arn(request.get("cluster", "default"))
        of_cluster, _ = self._account.capacity_providers(cluster_arn)
        providers = cluster_arn.partition(":cluster/")[0] + ":capacity-provider/"
        return {
            "capacityProviders": [
                {
                    "capacityProviderArn": providers + name,
                    "name": name,
                    "status": "ACTIVE",
                    **_DETAILS.get(name, {"type": name}),
                }
                for name in names
                if name in of_cluster
            ],
            "failures": [{"arn": providers + name, "reason": "MISSING"} for name in names if name not in of_cluster],
        }
