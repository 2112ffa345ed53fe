"""Whether ends of tasks come through the queue: it is there, and a rule that lets them through has it as its target."""

import json
from typing import TYPE_CHECKING, Any

import aioboto3
from botocore.exceptions import ClientError

from control_plane_server.cli.doctor.answers import NO_ANSWER, could_not_tell
from control_plane_server.cli.doctor.checks import Check, failed, ok, warning
from control_plane_server.provisioners.ecs.calls import PATIENCE, code_and_message
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration

if TYPE_CHECKING:
    from types_aiobotocore_events import EventBridgeClient

_RULE = 'make it as in docs/aws.md, "Events instead of polling"; until then ends are noticed up to a minute late'
_QUEUE = "make it, set ECS_EVENTS_QUEUE_URL, or leave that out"


async def check_task_events(session: aioboto3.Session, configuration: EcsConfiguration, caller: str) -> list[Check]:
    """Nothing without a queue. `caller`: the ARN of who we are."""
    url = configuration.events_queue_url
    if url is None:
        return []
    name = f"queue {url.rpartition('/')[2]}"
    async with session.client("sqs", config=PATIENCE) as sqs:
        try:
            answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        except NO_ANSWER as error:
            if isinstance(error, ClientError) and "NonExistentQueue" in code_and_message(error)[0]:
                return [failed(name, "there is none", _QUEUE)]
            return [could_not_tell(name, error, action="sqs:GetQueueAttributes")]
    partition, account = caller.split(":")[1], caller.split(":")[4]
    cluster = f"arn:{partition}:ecs:{configuration.region}:{account}:cluster/{configuration.cluster}"
    async with session.client("events", config=PATIENCE) as events:
        return [ok(name, "there"), await _rule(events, answer["Attributes"]["QueueArn"], cluster)]


async def _rule(events: "EventBridgeClient", queue: str, cluster: str) -> Check:
    name = "rule of the queue"
    try:
        rules = (await events.list_rule_names_by_target(TargetArn=queue))["RuleNames"]
        described = [await events.describe_rule(Name=rule) for rule in rules]
    except NO_ANSWER as error:
        return could_not_tell(name, error, action="events:ListRuleNamesByTarget and events:DescribeRule")
    if not rules:
        return failed(name, "no rule has the queue as its target", _RULE)
    fitting = [rule for rule in described if lets_ends_through(json.loads(rule.get("EventPattern", "{}")), cluster)]
    if not fitting:
        return failed(name, f"{', '.join(rules)}: no pattern lets ends of this cluster's tasks through", _RULE)
    if not any(rule["State"].startswith("ENABLED") for rule in fitting):
        return failed(name, f"{fitting[0]['Name']} is disabled", f"aws events enable-rule --name {fitting[0]['Name']}")
    patterns = [json.loads(rule.get("EventPattern", "{}")) for rule in fitting]
    if not any(lets_ends_through(pattern, cluster, status="DEPROVISIONING") for pattern in patterns):
        finding = (
            f"{fitting[0]['Name']} tells of tasks that are STOPPED, half a minute after their containers have ended"
        )
        return warning(name, finding, "give it the pattern of iam_permissions/task_events_rule.json")
    return ok(name, f"{fitting[0]['Name']} is enabled")


def lets_ends_through(pattern: dict[str, Any], cluster: str, *, status: str = "STOPPED") -> bool:
    """Whether the pattern of a rule matches such a state of a task in the cluster.
    Values that are no plain texts are taken for right."""
    detail = pattern.get("detail", {})
    return all(
        wanted in values or not all(isinstance(value, str) for value in values)
        for values, wanted in (
            (pattern.get("source", ["aws.ecs"]), "aws.ecs"),
            (pattern.get("detail-type", ["ECS Task State Change"]), "ECS Task State Change"),
            (detail.get("clusterArn", [cluster]), cluster),
            (detail.get("lastStatus", [status]), status),
        )
    )
