"""Every workflow loads in the sandbox, as a container would load it."""

import pytest
from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workflows.registry import WORKFLOWS


@pytest.mark.parametrize("cls", WORKFLOWS, ids=lambda cls: cls.__name__)
async def test_workflow_loads_in_the_sandbox(cls: type) -> None:
    definition = workflow._Definition.must_from_class(cls)
    SandboxedWorkflowRunner().prepare_workflow(definition)
