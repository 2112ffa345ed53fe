"""Runs every minute: finds what a process that died has left undone, and has it done."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from control_plane_server.domain.messages import ReconciliationResult
    from workflows import naming, policies
    from workflows.ports import ReconciliationActivities


@workflow.defn
class ReconciliationWorkflow:
    """Run by a schedule. Every repair is conditional: what is healthy is left alone, and two may run at once."""

    @workflow.run
    async def run(self) -> ReconciliationResult:
        result = await workflow.execute_activity_method(
            ReconciliationActivities.reconcile,
            task_queue=naming.CONTROL_TASK_QUEUE,
            start_to_close_timeout=policies.RECONCILIATION_START_TO_CLOSE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.RECONCILIATION_RETRIES,
        )
        workflow.set_current_details("\n".join(f"{name}: {count}" for name, count in result.repairs.items()))
        if result.forgets_ended:
            await workflow.execute_activity_method(
                ReconciliationActivities.forget_ended,
                task_queue=naming.CONTROL_TASK_QUEUE,
                start_to_close_timeout=policies.RETENTION_START_TO_CLOSE,
                heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
                retry_policy=policies.RECONCILIATION_RETRIES,
            )
        return result
