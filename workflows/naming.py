"""Names that Temporal and its users see: task queues, workflow ids, search attributes, summaries."""

import hashlib
import json

from temporalio.common import (
    SearchAttributeIndexedValueType,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)

from control_plane_server.domain.identifiers import BatchId, FunctionRef, InvocationId
from control_plane_server.domain.messages import (
    BatchRequest,
    CleanUpRequest,
    DeletionRequest,
    InvocationRequest,
    PreparationRequest,
)
from control_plane_server.domain.webhooks import DeliveryTarget

# `run_execution` runs as long as its container, so the slots of its Temporal worker limit the number of containers.
# Everything short has a queue of its own: stops are served while all of those slots are taken.
INVOCATIONS_TASK_QUEUE = "invocations"
CONTROL_TASK_QUEUE = "control"
# What is sent to receivers of webhooks, who may take their time: neither containers nor stops wait for them.
WEBHOOKS_TASK_QUEUE = "webhooks"

PROJECT = SearchAttributeKey.for_keyword("ControlPlaneProject")
VERSION = SearchAttributeKey.for_keyword("ControlPlaneVersion")
FUNCTION = SearchAttributeKey.for_keyword("ControlPlaneFunction")
PARENT = SearchAttributeKey.for_keyword("ControlPlaneParent")
STATUS = SearchAttributeKey.for_keyword("ControlPlaneStatus")
ATTEMPTS = SearchAttributeKey.for_int("ControlPlaneAttempts")  # of an invocation that has ended
SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[str] | SearchAttributeKey[int], ...] = (
    PROJECT,
    VERSION,
    FUNCTION,
    PARENT,
    STATUS,
    ATTEMPTS,
)
_TYPE_NAMES = {SearchAttributeIndexedValueType.KEYWORD: "Keyword", SearchAttributeIndexedValueType.INT: "Int"}
# By name, as the `temporal` command calls them.
SEARCH_ATTRIBUTE_TYPES = {
    key.name: _TYPE_NAMES[SearchAttributeIndexedValueType(key.indexed_value_type)] for key in SEARCH_ATTRIBUTES
}

# Temporal sets it on what a schedule starts: for which of its times.
SCHEDULED_START_TIME = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")

# Marks a history in which an invocation that did not succeed closes its workflow as failed or cancelled.
FAILURES_CLOSE_AS_FAILED = "failures-close-as-failed"

RUNNING_STATUS = "RUNNING"
TERMINATED_STATUS = "TERMINATED"  # of a batch; of an invocation its outcome

RECONCILIATION_SCHEDULE_ID = "reconciliation"
SCHEDULE_ID_PREFIX = "sch-"  # of the others, which are a catalog's schedules

# Temporal takes 2,048 bytes of JSON, and keeps 255 characters where SQL stores what can be searched for
# (https://docs.temporal.io/search-attribute, "Keyword"; schema of its PostgreSQL visibility store).
_MOST_CHARACTERS = 255
_MOST_JSON_BYTES = 1_900
_DIGEST_CHARACTERS = 8


def invocation_workflow_id(invocation_id: InvocationId) -> str:
    return invocation_id


def batch_workflow_id(batch_id: BatchId) -> str:
    return batch_id


def preparation_workflow_id(version_id: str) -> str:
    return f"prepare-{version_id}"


def deletion_workflow_id(request: DeletionRequest) -> str:
    """Different for a later project of the same name."""
    return f"delete-{request.project_name}-{request.creation_time.timestamp():.6f}"


def clean_up_workflow_id(request: CleanUpRequest) -> str:
    return f"clean-up-{request.invocation_id}"


def delivery_workflow_id(target: DeliveryTarget) -> str:
    """One for all that is sent to a target. A digest, as both parts may be long."""
    digest = hashlib.sha256(f"{target.project_name}\n{target.target}".encode()).hexdigest()
    return f"deliver-{digest[:32]}"


def shorten(name: str) -> str:
    """The name as a search attribute can hold it: a name that is too long is cut, and gets a digest of the whole of
    it."""
    if _fits(name):
        return name
    ending = f"…{hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"
    beginning = name[: _MOST_CHARACTERS - len(ending)]
    while not _fits(beginning + ending):
        beginning = beginning[:-1]
    return beginning + ending


def _fits(name: str) -> bool:
    return len(name) <= _MOST_CHARACTERS and len(json.dumps(name)) <= _MOST_JSON_BYTES


def invocation_search_attributes(request: InvocationRequest) -> TypedSearchAttributes:
    pairs = [
        SearchAttributePair(PROJECT, request.function.project_name),
        SearchAttributePair(VERSION, request.function.version_id),
        SearchAttributePair(FUNCTION, shorten(request.function.function_name)),
        SearchAttributePair(STATUS, RUNNING_STATUS),
    ]
    if request.parent_invocation_id is not None:
        pairs.append(SearchAttributePair(PARENT, request.parent_invocation_id))
    return TypedSearchAttributes(pairs)


def batch_search_attributes(request: BatchRequest) -> TypedSearchAttributes:
    pairs = [
        SearchAttributePair(PROJECT, request.function.project_name),
        SearchAttributePair(VERSION, request.function.version_id),
        SearchAttributePair(FUNCTION, shorten(request.function.function_name)),
        SearchAttributePair(STATUS, RUNNING_STATUS),
    ]
    if request.parent_invocation_id is not None:
        pairs.append(SearchAttributePair(PARENT, request.parent_invocation_id))
    return TypedSearchAttributes(pairs)


def preparation_search_attributes(request: PreparationRequest) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [SearchAttributePair(PROJECT, request.project_name), SearchAttributePair(VERSION, request.version_id)]
    )


def deletion_search_attributes(request: DeletionRequest) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(PROJECT, request.project_name)])


def delivery_search_attributes(target: DeliveryTarget) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(PROJECT, target.project_name)])


def invocation_summary(function: FunctionRef) -> str:
    """One line for lists in the Web UI."""
    return shorten(f"{function.project_name}/{function.function_name}")


def invocation_details(request: InvocationRequest) -> str:
    """What a person who has opened it looks for next, in the Web UI's Markdown: queries of its list of workflows."""
    children = f"Children: `{PARENT.name} = '{request.invocation_id}'`"
    if request.parent_invocation_id is None:
        return children
    return f"Parent: `WorkflowId = '{request.parent_invocation_id}'`\n\n{children}"


def batch_summary(request: BatchRequest) -> str:
    """One line for lists in the Web UI."""
    if request.is_replay:
        return shorten(f"{request.size} of {request.function.project_name} once more")
    return shorten(f"{request.size} of {request.function.project_name}/{request.function.function_name}")


def execution_summary(*, attempt: int, max_attempts: int, slot_was_granted: bool) -> str:
    """One line for the activity in the Web UI. `attempt`: counted from 1."""
    suffix = ", slot granted" if slot_was_granted else ""
    return f"execution {attempt} of {max_attempts}{suffix}"
