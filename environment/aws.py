"""What the ecs provisioner needs of an AWS account. Credentials and AWS_ENDPOINT_URL are read by boto itself."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from control_plane_server.domain.platforms import Capacity, CpuArchitecture
from control_plane_server.provisioners.ecs.configuration import CapacityProvider, EcsConfiguration
from control_plane_server.provisioners.ecs.tags import MOST_TAGS, OUR_TAGS
from environment.comma_separated import Words, all_matching
from environment.settings import ControlPlaneSettings

_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+")


def _pairs(value: object) -> object:
    """`key=value` pairs, comma separated."""
    if not isinstance(value, str):
        return value
    words = [word.partition("=") for word in value.split(",") if word.strip()]
    if not all(equals and key.strip() for key, equals, _ in words):
        raise ValueError("must be key=value pairs, comma separated")
    return {key.strip(): text.strip() for key, _, text in words}


def _role_arn(value: str) -> str:
    if _ROLE_ARN.fullmatch(value) is None:
        raise ValueError("must be the ARN of a role, arn:aws:iam::<account>:role/<name>")
    return value


def _identifiers(prefix: str) -> AfterValidator:
    pattern = re.compile(re.escape(prefix) + ".*", re.DOTALL)
    return all_matching(pattern, f"must be comma separated identifiers that begin with {prefix}")


def _web_address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// or http://")
    return value


def _with_room_for_ours(value: dict[str, str]) -> dict[str, str]:
    if len(OUR_TAGS | value.keys()) > MOST_TAGS:
        raise ValueError(
            f"must be {MOST_TAGS - len(OUR_TAGS)} pairs at the most: {' and '.join(sorted(OUR_TAGS))} are added"
        )
    return value


_are_roles = all_matching(_ROLE_ARN, "must be comma separated ARNs of roles, arn:aws:iam::<account>:role/<name>")
Pairs = Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)]
Weights = Annotated[dict[str, Annotated[int, Field(ge=0, le=1_000)]], NoDecode, BeforeValidator(_pairs)]
RoleArn = Annotated[str, AfterValidator(_role_arn)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class AwsSettings(BaseSettings):
    """Names without ECS_ are those of the contract. Bounds are those of ECS: its API reference, "AwsVpcConfiguration",
    "CapacityProviderStrategyItem" and "Tag"."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    control_plane_api_url: WebAddress  # without a default: containers on AWS cannot reach a loopback address
    aws_region: str
    cluster_name: str
    subnet_ids: Annotated[Words, Field(min_length=1, max_length=16), _identifiers("subnet-")]
    security_group_ids: Annotated[Words, Field(min_length=1, max_length=5), _identifiers("sg-")]
    task_role_arn: RoleArn
    execution_role_arn: RoleArn
    log_group: str
    container_repository_name: str
    ecs_assign_public_ip: bool = True
    ecs_capacity_providers: Annotated[Weights, Field(max_length=20)] = {}  # FARGATE_SPOT=3,FARGATE=1
    ecs_default_capacity: Capacity | None = None  # of functions that name none: on_demand, spot, spot_with_fallback
    ecs_cpu_architecture: CpuArchitecture = CpuArchitecture.X86_64
    ecs_tags: Annotated[Pairs, AfterValidator(_with_room_for_ours)] = {}  # team=search,stage=production
    ecs_allowed_task_role_arns: Annotated[Words, _are_roles] = ()  # what functions may ask for beside task_role_arn
    ecs_events_queue_url: WebAddress | None = None
    control_plane_image: str | None = None

    @field_validator("ecs_default_capacity")
    @classmethod
    def _is_the_only_one(cls, value: Capacity | None, info: ValidationInfo) -> Capacity | None:
        if value is not None and info.data.get("ecs_capacity_providers"):
            raise ValueError(
                "must be left out where ECS_CAPACITY_PROVIDERS says what runs functions that name no capacity"
            )
        return value

    def configuration(self, control_plane: ControlPlaneSettings) -> EcsConfiguration:
        """The provisioner's configuration. `control_plane`: for the grace period."""
        return EcsConfiguration(
            region=self.aws_region,
            cluster=self.cluster_name,
            subnets=self.subnet_ids,
            security_groups=self.security_group_ids,
            task_role_arn=self.task_role_arn,
            execution_role_arn=self.execution_role_arn,
            log_group=self.log_group,
            repository_name=self.container_repository_name,
            api_url=self.control_plane_api_url,
            stop_grace=control_plane.stop_grace,
            assigns_public_ip=self.ecs_assign_public_ip,
            default_capacity=self.ecs_default_capacity,
            capacity_providers=tuple(
                CapacityProvider(name=name, weight=weight) for name, weight in self.ecs_capacity_providers.items()
            ),
            cpu_architecture=self.ecs_cpu_architecture,
            tags=self.ecs_tags,
            events_queue_url=self.ecs_events_queue_url,
            ca_certificates=control_plane.ca_certificates,
            runtime_image=self.control_plane_image,
            allowed_task_role_arns=self.ecs_allowed_task_role_arns,
        )
