"""Invocations whose workflow has closed while the reconciliation looked: what ended by itself lacks nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from temporalio import workflow
from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    WorkflowExecutionDescription,
)
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.messenger import Messenger
from activities.namespace import NamespacePreparation
from activities.reconciliation.orphaned_invocations import OrphanedInvocations
from activities.reconciliation.repair_run import RepairRun
from activities.reconciliation.termination_guard import TerminationGuard
from activities.reconciliation.unstarted_workflows import UnstartedWorkflows
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.messages import InvocationResult
from control_plane_server.orchestration.namespace_link import NamespaceLink, adopt_namespace
from tests.catalog.test_slots import close
from tests.factories import insert_function, insert_invocation, take_slot
from workflows.naming import invocation_workflow_id


@workflow.defn(name="InvocationWorkflow")
class Succeeded:
    @workflow.run
    async def run(self) -> InvocationResult:
        return InvocationResult(ending=InvocationOutcome.SUCCEEDED, executions=1)


class EndsWhenAsked(Interceptor, OutboundInterceptor):
    """The catalog learns of the end between the list of what runs and the question after its workflow."""

    def __init__(self, database: Database, invocation_id: InvocationId) -> None:
        self._database = database
        self._invocation_id = invocation_id

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        OutboundInterceptor.__init__(self, next)
        return self

    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:
        await close(self._database, self._invocation_id)
        return await super().describe_workflow(input)


@pytest.mark.parametrize("ends_by_itself", [True, False])
async def test_only_an_end_that_the_catalog_lacks_is_recorded(
    temporal: Client, database: Database, ends_by_itself: bool
) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    await take_slot(database, invocation)
    async with database.statement() as connection:
        earlier = InvocationRow.creation_time - timedelta(hours=1)
        await connection.execute(update(InvocationRow).values(creation_time=earlier))
    async with Worker(
        temporal, task_queue=invocation, workflows=[Succeeded], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        workflow_id = invocation_workflow_id(invocation)
        await temporal.execute_workflow(Succeeded.run, id=workflow_id, task_queue=invocation)
    config = temporal.config()
    config["interceptors"] = [EndsWhenAsked(database, invocation)] if ends_by_itself else []
    run = RepairRun("orphaned invocations repaired")
    await run.run((await orphaned_invocations(Client(**config), database)).repair)
    assert run.made == (not ends_by_itself)


async def orphaned_invocations(client: Client, database: Database) -> OrphanedInvocations:
    link = NamespaceLink(client, database, prepare=NamespacePreparation())
    await adopt_namespace(client, database)
    messenger, guard = Messenger(client, database), TerminationGuard(database)
    return OrphanedInvocations(
        client=client,
        database=database,
        messenger=messenger,
        link=link,
        guard=guard,
        unstarted=UnstartedWorkflows(client=client, database=database, messenger=messenger, guard=guard, spans=None),
    )
