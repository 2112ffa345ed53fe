"""The OpenAPI document and the error types: what generators of clients read."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from api import schema_files
from api.app import describe_app

OPERATIONS = {
    "health_check": ("get", set()),
    "health_ready": ("get", {"503"}),
    "create_project": ("put", {"400", "409"}),
    "delete_project": ("delete", {"404"}),
    "get_project": ("get", {"404"}),
    "list_projects": ("get", set()),
    "get_project_costs": ("get", {"400", "404"}),
    "create_project_version": ("post", {"400", "404", "409", "413"}),
    "get_project_version": ("get", {"404"}),
    "list_project_versions": ("get", {"404"}),
    "create_invocation": ("post", {"400", "404", "409", "413", "501"}),
    "cancel_invocation": ("put", {"404", "409"}),
    "get_invocation": ("get", {"404"}),
    "list_invocations": ("get", {"400", "404"}),
    "list_project_invocations": ("get", {"400", "404"}),
    "count_project_invocations": ("get", {"404"}),
    "list_project_failures": ("get", {"404"}),
    "create_batch": ("post", {"400", "404", "409", "413"}),
    "list_batches": ("get", {"400", "404"}),
    "get_batch": ("get", {"404"}),
    "cancel_batch": ("put", {"404", "409"}),
    "follow_batch": ("get", {"400", "404"}),
    "get_batch_by_id": ("get", {"404"}),
    "cancel_batch_by_id": ("put", {"404", "409"}),
    "follow_batch_by_id": ("get", {"400", "404"}),
    "replay_invocation": ("post", {"400", "404", "409", "413"}),
    "replay_invocation_by_id": ("post", {"400", "404", "409", "413"}),
    "replay_invocations": ("post", {"400", "404", "409", "413"}),
    "follow_invocations": ("post", {"413"}),
    "get_invocation_by_id": ("get", {"404"}),
    "cancel_invocation_by_id": ("put", {"404", "409"}),
    "follow_invocation_by_id": ("get", {"204", "400", "404"}),
    "get_invocation_logs_by_id": ("get", {"400", "404"}),
    "follow_invocation": ("get", {"204", "400", "404"}),
    "create_blob": ("post", {"400", "404", "501"}),
    "upload_blob": ("put", {"400", "404", "408", "409", "413", "501"}),
    "get_blob": ("get", {"307", "404", "501"}),
    "get_blob_by_id": ("get", {"307", "404", "501"}),
    "list_artifacts": ("get", {"404", "501"}),
    "create_execution_blob": ("post", {"400", "404", "409", "501"}),
    "upload_execution_blob": ("put", {"400", "404", "408", "409", "413", "501"}),
    "get_execution_blob": ("get", {"307", "404", "501"}),
    "create_artifact": ("post", {"400", "404", "409", "501"}),
    "complete_artifact": ("put", {"404", "409", "501"}),
    "list_artifacts_of_execution": ("get", {"404", "501"}),
    "start_execution": ("put", {"404", "409"}),
    "update_execution": ("put", {"404", "409", "413"}),
    "finish_execution": ("put", {"404", "409", "413", "501"}),
    "get_execution": ("get", {"404"}),
    "save_checkpoint": ("put", {"404", "409", "413", "501"}),
    "get_checkpoint": ("get", {"404"}),
    "get_execution_environment": ("get", {"404", "409"}),
    "get_execution_logs": ("get", {"400", "404"}),
    "next_execution": ("post", {"413"}),
    "get_container_environment": ("get", {"404", "409"}),
    "set_secret": ("put", {"400", "404", "413", "501"}),
    "list_secrets": ("get", {"400", "404"}),
    "get_secret": ("get", {"404"}),
    "delete_secret": ("delete", {"404"}),
    "rotate_secrets": ("post", {"501"}),
    "pause_project": ("put", {"404"}),
    "resume_project": ("put", {"404"}),
    "pause_function": ("put", {"404"}),
    "resume_function": ("put", {"404"}),
    "list_schedules": ("get", {"400", "404"}),
    "set_schedule": ("put", {"400", "404", "409", "413"}),
    "get_schedule": ("get", {"404"}),
    "delete_schedule": ("delete", {"404", "409"}),
    "pause_schedule": ("put", {"404"}),
    "resume_schedule": ("put", {"404"}),
    "trigger_schedule": ("post", {"400", "404"}),
    "backfill_schedule": ("post", {"400", "404", "413"}),
    "set_webhook": ("put", {"400", "404", "409", "501"}),
    "list_webhooks": ("get", {"400", "404"}),
    "get_webhook": ("get", {"404"}),
    "delete_webhook": ("delete", {"404"}),
    "rotate_webhook_secret": ("post", {"404", "501"}),
    "list_deliveries": ("get", {"400", "404"}),
    "redeliver": ("post", {"404"}),
    "get_container_repository_credentials": ("get", {"501"}),
    "delete_project_images": ("delete", {"409", "501"}),
    "get_image_folder": ("get", {"501"}),
}
WITHOUT_KEY = {"health_check", "health_ready"}
FOR_ROOT_KEYS = {
    "get_project_costs",
    "create_project",
    "delete_project",
    "get_project",
    "list_projects",
    "create_project_version",
    "pause_project",
    "resume_project",
    "pause_function",
    "resume_function",
    "set_secret",
    "list_secrets",
    "get_secret",
    "delete_secret",
    "rotate_secrets",
    "list_schedules",
    "set_schedule",
    "get_schedule",
    "delete_schedule",
    "pause_schedule",
    "resume_schedule",
    "trigger_schedule",
    "backfill_schedule",
    "set_webhook",
    "list_webhooks",
    "get_webhook",
    "delete_webhook",
    "rotate_webhook_secret",
    "list_deliveries",
    "redeliver",
    "get_container_repository_credentials",
    "delete_project_images",
    "get_image_folder",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe_app().openapi()


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        operation["operationId"]: (method, operation)
        for item in document["paths"].values()
        for method, operation in item.items()
    }


def test_it_is_valid_openapi_3_0(document: dict[str, Any]) -> None:
    OpenAPIV30SpecValidator(document).validate()
    assert document["openapi"] == "3.0.3"
    assert document["info"] == {"title": "control-plane", "version": version("control-plane")}
    assert document["components"]["securitySchemes"] == {"HTTPBearer": {"type": "http", "scheme": "bearer"}}


def test_nothing_of_openapi_3_1_is_left(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for word in ('"null"', '"const"', '"prefixItems"', '"$defs"', '"exclusiveMinimum": 0'):
        assert word not in text


def test_every_operation_documents_its_errors(operations: dict[str, tuple[str, dict[str, Any]]]) -> None:
    assert set(operations) == set(OPERATIONS)
    for name, (method, errors) in OPERATIONS.items():
        actual_method, operation = operations[name]
        assert actual_method == method
        codes = set(operation["responses"]) - {"200", "422"}
        of_keys = set() if name in WITHOUT_KEY else {"403", "503"}
        of_shares = set() if name in WITHOUT_KEY | FOR_ROOT_KEYS else {"429"}
        assert codes == errors | of_keys | of_shares, name
        assert ("security" in operation) == (name not in WITHOUT_KEY)
        for code in codes - {"204", "307"} if name not in WITHOUT_KEY else ():
            schema = operation["responses"][code]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorResponse"}
        if "422" in operation["responses"]:
            schema = operation["responses"]["422"]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/HTTPValidationError"}


def test_every_operation_is_of_one_group_and_those_of_containers_are_apart(
    document: dict[str, Any], operations: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    groups = [tag["name"] for tag in document["tags"]]
    assert groups == [
        *(
            "projects",
            "functions",
            "invocations",
            "batches",
            "data",
            "secrets",
            "schedules",
            "webhooks",
            "containers",
            "service",
        )
    ]
    assert all(tag["description"] for tag in document["tags"])
    tags = {name: operation["tags"] for name, (_, operation) in operations.items()}
    assert {name for name, of in tags.items() if len(of) != 1 or of[0] not in groups} == set()
    of_containers = {
        *("start_execution", "update_execution", "finish_execution", "get_execution", "get_execution_environment"),
        *("create_execution_blob", "upload_execution_blob", "get_execution_blob"),
        *("create_artifact", "complete_artifact", "list_artifacts_of_execution"),
        *("save_checkpoint", "get_checkpoint"),
        *("next_execution", "get_container_environment"),
    }
    assert {name for name, of in tags.items() if of == ["containers"]} == of_containers


def test_events_are_documented_as_a_stream(operations: dict[str, tuple[str, dict[str, Any]]]) -> None:
    _, operation = operations["follow_invocation"]
    assert operation["responses"]["200"]["content"] == {"text/event-stream": {"schema": {"type": "string"}}}
    assert "content" not in operation["responses"]["204"]
    assert {(one["in"], one["name"]) for one in operation["parameters"]} >= {
        ("query", "logs"),
        ("query", "last_event_id"),
        ("header", "Last-Event-ID"),
    }


def test_answers_have_all_their_fields_and_say_which_may_be_null(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("InvocationInfo", "ExecutionInfo", "ExecutionSummary", "VersionInfo", "FunctionInfoForVersion"):
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"]), name
    info = schemas["InvocationInfo"]["properties"]
    assert info["cancellation_request_time"]["nullable"] is True
    assert info["parent_invocation"]["nullable"] is True
    assert "nullable" not in info["input"]
    assert schemas["FunctionSpec"]["required"] == ["function_name", "resource_spec", "execution_spec"]


def test_the_script_writes_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]
) -> None:
    schema, errors = tmp_path / "schema.json", tmp_path / "errors.json"
    arguments = ["generate-schema", "--schema-output", str(schema), "--error-types-output", str(errors)]
    monkeypatch.setattr("sys.argv", arguments)
    schema_files.main()
    assert json.loads(schema.read_text()) == document
    known = {error["class"]: (error["code"], error["detail"]) for error in json.loads(errors.read_text())}
    assert len(known) == 50
    assert known["ApiKeyIsInvalid"] == (403, "The API key is invalid")
    assert known["ProjectAlreadyExists"] == (409, "A project with this name already exists.")
    assert known["ExecutionHasNotFinished"] == (409, "This execution has not yet finished")
    assert known["VersionDoesNotExist"] == (404, "A version with this ID does not exist for this project")
