"""Service Quotas of Fargate, which moto lacks: those of an account that has asked for more once."""

from tests.aws.errors import AwsError
from tests.aws.wire import Document

_VCPUS = {"L-3032A538": 1_000.0, "L-36FBB829": 1_000.0}


def service_quota(request: Document) -> Document:
    """GetServiceQuota. Raises AwsError."""
    code = request["QuotaCode"]
    if request["ServiceCode"] != "fargate" or code not in _VCPUS:
        raise AwsError("NoSuchResourceException", "The request failed because the specified service does not exist.")
    return {"Quota": {"ServiceCode": "fargate", "QuotaCode": code, "Value": _VCPUS[code], "Adjustable": True}}
