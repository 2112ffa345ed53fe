"""The Temporal workers of the `loop` process."""

from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from activities.batches import BoundBatchActivities
from activities.container_launcher import LaunchTools
from activities.container_watch import ContainerWatch
from activities.deletions import BoundDeletionActivities
from activities.deliveries import BoundDeliveryActivities
from activities.delivery_starter import DeliveryStarter
from activities.errors import DomainErrors
from activities.execution_spans import ExecutionSpans
from activities.executions import ExecutionRunner
from activities.invocations import BoundInvocationActivities
from activities.log_context import LogContext
from activities.messenger import Messenger
from activities.preparations import BoundPreparationActivities
from activities.reconciliation.activities import BoundReconciliationActivities
from activities.reconciliation.idle_slots import IdleSlots
from activities.reconciliation.incomplete_invocations import IncompleteInvocations
from activities.reconciliation.orphaned_blobs import OrphanedBlobs
from activities.reconciliation.orphaned_containers import OrphanedContainers
from activities.reconciliation.orphaned_invocations import OrphanedInvocations
from activities.reconciliation.overdue_deliveries import OverdueDeliveries
from activities.reconciliation.schedules import Schedules
from activities.reconciliation.termination_guard import TerminationGuard
from activities.reconciliation.undelivered_messages import UndeliveredMessages
from activities.reconciliation.unfinished_batches import UnfinishedBatches
from activities.reconciliation.unstarted_workflows import UnstartedWorkflows
from activities.reconciliation.warm_containers import WarmContainers
from activities.scheduled_calls import BoundScheduleActivities
from activities.warm.lease_watch import LeaseWatch
from activities.warm.upkeep import WarmUpkeep
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import NotificationListener
from control_plane_server.orchestration.namespace_link import NamespaceLink
from control_plane_server.processes.deployment_version import deployment_config
from control_plane_server.provisioners.contract import Provisioner
from control_plane_server.webhooks.sender import WebhookSender
from environment.settings import ControlPlaneSettings
from workflows import naming
from workflows.registry import WORKFLOWS

if TYPE_CHECKING:
    from control_plane_server.blobs.store import BlobStore
    from control_plane_server.telemetry.spans import Spans

# Whoever asks for a task, a hundred at most, holds one of the places: some must be left for workflows that are started
# with their first task (D203); of more than these one might not be done within the two seconds that the SDK gives it. A
# task for which nobody is asking is written down by Temporal, and read again.
_WORKFLOW_TASKS = 200
_LEAST_POLLERS = 10
# Time for short activities to end by themselves. Those that run containers are cancelled at once: another process
# adopts their containers.
_CONTROL_GRACE = timedelta(seconds=10)
_CONTROL_CEILING = 1_000
# Receivers of webhooks at once, each with some requests: those that let requests time out take turns with others.
_WEBHOOKS_CEILING = 100
_WEBHOOKS_GRACE = timedelta(seconds=10)  # for answers to what was sent, so that it is not sent again


def build_temporal_workers(
    client: Client,
    *,
    link: NamespaceLink,
    database: Database,
    provisioner: Provisioner,
    listener: NotificationListener,
    messenger: Messenger,
    idle_slots: IdleSlots,
    settings: ControlPlaneSettings,
    upkeep: WarmUpkeep,
    starter: DeliveryStarter,
    sender: WebhookSender,
    spans: "Spans | None" = None,
    blobs: "BlobStore | None" = None,
) -> tuple[Worker, Worker, Worker]:
    """`invocations` for workflows and containers, `control` for everything short, so that stops find a slot, and
    `webhooks`."""
    watch = ContainerWatch(database=database, provisioner=provisioner, listener=listener, grace=settings.stop_grace)
    lease_watch = LeaseWatch(database=database, provisioner=provisioner, listener=listener, grace=settings.stop_grace)
    execution_spans = ExecutionSpans(spans)
    tools = LaunchTools(
        database=database,
        provisioner=provisioner,
        listener=listener,
        messenger=messenger,
        signing_key=settings.root_keys[0],
        spans=execution_spans,
        ask_for_upkeep=upkeep.ask,
    )
    runner = ExecutionRunner(tools=tools, watch=watch, lease_watch=lease_watch)
    invocations = BoundInvocationActivities(
        runner=runner, database=database, provisioner=provisioner, messenger=messenger, spans=execution_spans
    )
    batches = BoundBatchActivities(database=database, messenger=messenger)
    preparations = BoundPreparationActivities(
        database=database, provisioner=provisioner, messenger=messenger, ask_for_upkeep=upkeep.ask
    )
    deletions = BoundDeletionActivities(client=client, database=database, provisioner=provisioner, messenger=messenger)
    schedules = BoundScheduleActivities(client=client, database=database, messenger=messenger)
    deliveries = BoundDeliveryActivities(database=database, sender=sender, keys=settings.secret_keys)
    guard = TerminationGuard(database)
    unstarted = UnstartedWorkflows(client=client, database=database, messenger=messenger, guard=guard, spans=spans)
    reconciliation = BoundReconciliationActivities(
        database=database,
        unstarted=unstarted,
        undelivered=UndeliveredMessages(database=database, messenger=messenger),
        idle_slots=idle_slots,
        unfinished_batches=UnfinishedBatches(client=client, database=database),
        incomplete_invocations=IncompleteInvocations(database=database),
        orphaned_invocations=OrphanedInvocations(
            client=client,
            database=database,
            messenger=messenger,
            link=link,
            guard=guard,
            unstarted=unstarted,
        ),
        orphaned_containers=OrphanedContainers(database=database, provisioner=provisioner, grace=settings.stop_grace),
        orphaned_blobs=OrphanedBlobs(database=database, store=blobs),
        warm_containers=WarmContainers(database=database, provisioner=provisioner),
        warm_upkeep=upkeep,
        schedules=Schedules(client=client, database=database),
        overdue_deliveries=OverdueDeliveries(database=database, starter=starter),
        retention=settings.retention,
    )
    deployment = deployment_config(settings)
    return (
        Worker(
            client,
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            workflows=WORKFLOWS,
            workflow_runner=UnsandboxedWorkflowRunner(),
            activities=[invocations.run_execution, invocations.end_invocation, schedules.call_scheduled],
            interceptors=[LogContext(), DomainErrors()],
            deployment_config=deployment,
            max_concurrent_workflow_tasks=_WORKFLOW_TASKS,
            max_concurrent_activities=settings.max_concurrent_executions,
            max_cached_workflows=max(1_000, 2 * settings.max_concurrent_executions),
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(minimum=_LEAST_POLLERS, initial=_LEAST_POLLERS),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        ),
        Worker(
            client,
            task_queue=naming.CONTROL_TASK_QUEUE,
            activities=[
                invocations.stop_invocation,
                invocations.run_execution,  # of what is stopped, and nothing else
                batches.advance_batch,
                preparations.prepare_function,
                deletions.cancel_project,
                deletions.retire_project,
                deletions.delete_project,
                reconciliation.reconcile,
                reconciliation.forget_ended,
            ],
            interceptors=[LogContext(), DomainErrors()],
            # Hundreds of preparations may wait here for AWS's rate limit: a stop must not wait behind them.
            max_concurrent_activities=_CONTROL_CEILING,
            deployment_config=deployment,
            graceful_shutdown_timeout=_CONTROL_GRACE,
        ),
        Worker(
            client,
            task_queue=naming.WEBHOOKS_TASK_QUEUE,
            activities=[deliveries.deliver_due],
            interceptors=[LogContext(), DomainErrors()],
            max_concurrent_activities=_WEBHOOKS_CEILING,
            deployment_config=deployment,
            graceful_shutdown_timeout=_WEBHOOKS_GRACE,
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        ),
    )
