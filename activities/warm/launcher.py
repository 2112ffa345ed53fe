"""Gives an execution of a function that keeps its containers one that is idle, or launches one that is kept."""

from datetime import timedelta

import structlog

from activities import metrics
from activities.container_launcher import ContainerLauncher, LaunchTools
from activities.faults import after
from activities.warm.leases import DELIVERED_WITHIN, Lease
from activities.warm.requests import new_lease, warm_request
from activities.warm.stops import LeaseStops
from control_plane_server.catalog.execution_lifecycle.launches import LaunchRepository
from control_plane_server.catalog.execution_lifecycle.slots import Assignment
from control_plane_server.catalog.warm_containers.containers import WarmContainer
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.domain.containers import Container, ContainerExit, ContainerName, ContainerRequest
from control_plane_server.domain.entities import ContainerDetails, PreparedFunction
from control_plane_server.domain.errors import ContainerError, FunctionFailure, LaunchIsLost, Unavailable
from control_plane_server.domain.identifiers import WarmContainerId, warm_container_id_for
from control_plane_server.domain.messages import RunExecutionRequest
from control_plane_server.domain.reuse import ReuseSpec
from control_plane_server.provisioners.exit_reasons import exit_reason

logger = structlog.get_logger(__name__)


class LeasingLauncher(ContainerLauncher):
    """As `ContainerLauncher`. Its containers may be there before the execution, and stay after it.

    Which container a launch has is decided once, in the catalog: whoever takes over finds the same.
    """

    _container: Container | None = None  # that was returned last
    _leased: WarmContainer | None = None  # None: nothing has looked yet, or it has let go of the execution
    _deliver_by: float | None = None  # in seconds of the event loop's clock
    _wants_a_fresh_one = False

    def __init__(
        self,
        tools: LaunchTools,
        request: RunExecutionRequest,
        assignment: Assignment,
        prepared: PreparedFunction,
        *,
        leased_with_slot: WarmContainer | None = None,
    ) -> None:
        """`leased_with_slot`: the first launch's, if one was idle when the execution took up its slot."""
        super().__init__(tools, request, assignment, prepared)
        self._leased_with_slot = leased_with_slot

    def lease(self, container: Container) -> Lease:
        """What is to be watched of the container that was returned last."""
        seconds = self._assignment.function.execution_spec.attempt_timeout_seconds
        return Lease(
            container=container,
            launch=self._launch_name,
            invocation_id=self._request.invocation_id,
            isolation=self._reuse.isolation,
            deliver_by=self._deliver_by,
            attempt_timeout=None if seconds is None else timedelta(seconds=seconds),
        )

    async def ensure_container(self) -> Container | None:
        details = self._assignment.container
        if details is None:
            return await self._launch_until_there(is_stopped=self._assignment.is_stopped)
        async with self._tools.database.statement() as connection:
            leased = await LeaseRepository(connection).of_launch(self._request.execution_id, self.launch)
        self._adopt_lease(leased)
        if leased is not None and leased.was_idle and self._reuse.min_idle:
            self._tools.ask_for_upkeep()  # whoever leased it may not have
        self._container = Container(name=self._name, details=details)
        return self._container

    async def replace_container(self, lost: ContainerExit) -> Container | None:
        """Also in place of one that is there and has not begun what it was given, which is stopped; unless it has
        begun after all."""
        if not lost.is_undelivered:
            self._adopt_lease(None)
            return await super().replace_container(lost)
        over = self._launch_name
        async with self._tools.database.statement() as connection:
            launch = await LaunchRepository(connection).begin_another(
                over, reason=f"Launched again: {lost.reason}", was_undelivered=True
            )
        if launch is None:  # or the execution is to stop: in either case it is watched as before
            return self._container
        metrics.LAUNCHES_REPEATED.labels("undelivered").inc()
        await self._revoke(over, reason=lost.reason)
        self._adopt_launch(launch)
        self._adopt_lease(None)
        self._wants_a_fresh_one = True  # others may hear as little as this one
        return await self._launch_until_there(is_stopped=False)

    async def _launch_or_find(self) -> ContainerDetails:
        leased = await self._lease_or_begin()
        self._adopt_lease(leased)
        if leased is None:
            return await self._find_closed()
        if leased.details is not None:
            return leased.details
        try:
            return await super()._launch_or_find()
        except Unavailable:
            raise
        except ContainerError as error:  # nothing was started
            await self._close(reason=str(error))
            raise

    async def _lease_or_begin(self) -> WarmContainer | None:
        """The container that this launch has, has leased now, or is to launch. None: it is to have none any more."""
        lease = new_lease(self._request, self._assignment.function.ref, self._launch_name)
        is_fresh, self._wants_a_fresh_one = self._wants_a_fresh_one, False
        leased, self._leased_with_slot = self._leased_with_slot, None
        if leased is not None:
            return leased
        async with self._tools.database.statement() as connection:
            leases = LeaseRepository(connection)
            leased = None if is_fresh else await leases.lease(lease)
            return leased or await leases.begin(lease.execution_id, lease.launch, traceparent=lease.traceparent)

    async def _find_closed(self) -> ContainerDetails:
        """What was launched before its row was closed, or has let go of the execution before anybody knew of it. Raises
        LaunchIsLost if nothing is there and it has run nothing; FunctionFailure if it has."""
        details = await super()._withdraw()
        if details is not None:
            return details
        request = self._request
        async with self._tools.database.statement() as connection:
            state = await LaunchRepository(connection).state(request.execution_id, invocation_id=request.invocation_id)
        if state.is_released and state.launch == self.launch:
            raise FunctionFailure(exit_reason(state.exit_code))
        raise LaunchIsLost("its container was given up before it was there")

    async def _withdraw(self) -> ContainerDetails | None:
        """Of an execution that is to stop: a lease is recorded when it is made, so it has none."""
        details = await super()._withdraw()
        if details is None:
            await self._close(reason="the execution was stopped before it was there")
        return details

    async def _record_container(self, details: ContainerDetails) -> Container:
        is_warm_start = self._leased is not None and self._leased.was_idle
        if not is_warm_start:  # else its lease has recorded it
            async with self._tools.database.statement() as connection:
                await LeaseRepository(connection).record(self._container_id, details)
        metrics.CONTAINER_STARTS.labels("warm" if is_warm_start else "cold").inc()
        if is_warm_start and self._reuse.min_idle:
            self._tools.ask_for_upkeep()
        self._container = await super()._record_container(details)
        return self._container

    async def _note_container(self, details: ContainerDetails) -> bool:
        if self._leased is not None and self._leased.was_idle:
            return True
        return await super()._note_container(details)

    async def _end(self, container: Container) -> None:
        """Not if it has let go of the execution: it may run another one by now."""
        stops = LeaseStops(database=self._tools.database, provisioner=self._tools.provisioner)
        await stops.end(self._launch_name, container, reason="its execution is to stop")

    async def _revoke(self, over: ContainerName, *, reason: str) -> None:
        """Stop the container that has not begun. If that fails, it is found closed and alive by the reconciliation."""
        async with self._tools.database.statement() as connection:
            revoked = await LeaseRepository(connection).revoke(over.execution_id, over.launch, reason=reason)
        if revoked is None or revoked.container is None:
            return
        try:
            await self._tools.provisioner.stop(revoked.container)
        except (ContainerError, TimeoutError) as error:
            logger.warning("container_may_linger", container=str(revoked.name), reason=str(error) or "no answer")

    async def _close(self, *, reason: str) -> None:
        async with self._tools.database.statement() as connection:
            await LeaseRepository(connection).close(self._container_id, reason=reason, is_gone=True)

    def _adopt_lease(self, leased: WarmContainer | None) -> None:
        self._leased = leased
        self._deliver_by = None
        if leased is not None and leased.was_idle and leased.lease_age is not None:
            self._deliver_by = after(DELIVERED_WITHIN - leased.lease_age)

    @property
    def _container_id(self) -> WarmContainerId:
        """Until another one is leased, that of the container which the launch starts itself."""
        if self._leased is not None:
            return self._leased.container_id
        return warm_container_id_for(self._request.execution_id, self.launch)

    @property
    def _name(self) -> ContainerName:
        return ContainerName.of_warm(self._container_id)

    @property
    def _reuse(self) -> ReuseSpec:
        reuse = self._assignment.function.reuse
        assert reuse is not None
        return reuse

    def _container_request(self) -> ContainerRequest:
        """Of no execution: that is told when the container asks."""
        return warm_request(
            self._container_id,
            self._assignment.function,
            prepared=self._prepared,
            signing_key=self._tools.signing_key,
            interruptions=self._launch.interruptions,
            without_capacity=self._launch.without_capacity,
        )
