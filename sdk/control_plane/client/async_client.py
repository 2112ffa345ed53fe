"""`control_plane.AsyncClient`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from control_plane.access.resolution import find_server
from control_plane.client.async_functions import AsyncRemoteFunction
from control_plane.client.async_invocations import AsyncInvocation
from control_plane.client.callees import named
from control_plane.client.calls import Call, Calls
from control_plane.client.connections import AsyncConnection
from control_plane.client.deploying import deployed, deployment_of
from control_plane.client.listing import ProjectInvocation, failures_query, invocations_query, moment, optional_moment
from control_plane.protocol import schedules, webhooks
from control_plane.protocol.answers import BatchInfo, FailureGroup, ListedVersion, Pause, Project, Secret, Version
from control_plane.protocol.paths import LATEST, batch_by_id_path, batch_path, pausable_path, project_path
from control_plane.protocol.results import Result, batch_results
from control_plane.protocol.schedules import Backfill, Schedule
from control_plane.protocol.waiting import Deadline, Patience
from control_plane.protocol.webhooks import Delivery, SetWebhook, Webhook
from control_plane.schedules import fields_of_one

if TYPE_CHECKING:
    from control_plane.commands import Command
    from control_plane.functions import Function
    from control_plane.schedules import Cron, Every

P = ParamSpec("P")
R = TypeVar("R")


class AsyncClient:
    """As Client, for an event loop: what waits there is awaited here. An asynchronous context; connections belong to
    the event loop that uses them.

    Every method raises Refused for what the server refuses, and Unreachable if it does not answer.
    """

    def __init__(self, api_url: str | None = None, api_key: str | None = None, *, timeout: float = 60.0) -> None:
        """As Client."""
        server = find_server(api_url, api_key)
        self._connection = AsyncConnection(server, Patience(timeout, timeout))
        self._calls = Calls(self._connection.api)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Connections; they are made anew if they are needed again."""
        await self._connection.close()

    @overload
    def function(self, project: str, function: str, *, version: str = LATEST) -> AsyncRemoteFunction[..., Any]: ...

    @overload
    def function(
        self, project: str, function: "Function[P, R]", *, version: str = LATEST
    ) -> AsyncRemoteFunction[P, R]: ...

    @overload
    def function(
        self, project: str, function: "Command", *, version: str = LATEST
    ) -> AsyncRemoteFunction[..., str | None]: ...

    def function(self, project: str, function: Any, *, version: str = LATEST) -> AsyncRemoteFunction[..., Any]:
        """A function of a project, by its name or as it is declared: then its arguments and result have types.

        It is looked up with its first call.
        """
        return AsyncRemoteFunction(
            self._connection, self._calls, project=project, name=named(project, function), version=version
        )

    def invocation(self, invocation_id: str) -> AsyncInvocation[Any]:
        """By its id, from whatever process it was submitted."""
        return AsyncInvocation(self._connection, self._calls, Call(id=invocation_id))

    async def batch(self, batch_id: str) -> BatchInfo:
        """As it is now: its `size`, its `status`, and its `counts` of queued, running, and each outcome."""
        return await self._connection.run(self._connection.api.batch(batch_by_id_path(batch_id)))

    async def batch_results(self, batch_id: str, after: int = 0) -> AsyncIterator[Result]:
        """As `Batch.results`."""
        info = await self.batch(batch_id)
        stream = batch_results(self._connection.api.peer, batch_path(info.document), size=info.size, after=after)
        async with aclosing(self._connection.iterate(stream)) as results:
            async for result in results:
                yield result

    async def cancel_batch(self, batch_id: str) -> None:
        """Ask all of it that has not ended to stop."""
        info = await self.batch(batch_id)
        await self._connection.run(self._connection.api.stop_batch(batch_path(info.document)))

    async def gather(self, *calls: AsyncInvocation[R], return_exceptions: bool = False) -> list[R]:
        """As `Client.gather`."""
        async for _ in self.as_completed(calls):
            pass
        if return_exceptions:
            return [await self._connection.run(self._calls.outcome(call._call)) for call in calls]
        return [await call.result() for call in calls]

    async def as_completed(
        self, calls: Iterable[AsyncInvocation[R]], timeout: float | None = None  # noqa: ASYNC109 - as in Client
    ) -> AsyncIterator[AsyncInvocation[R]]:
        """As `Client.as_completed`."""
        ours = {id(call._call): call for call in calls}
        stream = self._calls.as_they_end((call._call for call in ours.values()), Deadline(timeout))
        async with aclosing(self._connection.iterate(stream)) as ended:
            async for call in ended:
                yield ours[id(call)]

    async def projects(self) -> list[Project]:
        """All that the key may see."""
        return (await self._connection.run(self._connection.api.projects())).projects

    async def versions(self, project: str) -> list[ListedVersion]:
        """Newest first."""
        return (await self._connection.run(self._connection.api.versions(project))).versions

    async def version(self, project: str, version: str = LATEST) -> Version:
        """With its functions."""
        return await self._connection.run(self._connection.api.version(project, version))

    async def invocations(
        self,
        project: str,
        *,
        function: str | None = None,
        status: str | None = None,
        outcome: str | Sequence[str] | None = None,
        version: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        parent: str | None = None,
        batch: str | None = None,
        tags: Mapping[str, str] | None = None,
        concurrency_key: str | None = None,
    ) -> AsyncIterator[ProjectInvocation]:
        """As `Client.invocations`."""
        query = invocations_query(
            function=function,
            status=status,
            outcome=outcome,
            version=version,
            since=since,
            until=until,
            parent=parent,
            batch=batch,
            tags=tags,
            concurrency_key=concurrency_key,
        )
        path = project_path(project) + "/invocations"
        stream = self._connection.api.pages(path, "invocations", query)
        async with aclosing(self._connection.iterate(stream)) as documents:
            async for document in documents:
                yield ProjectInvocation(document)

    async def invocation_counts(
        self,
        project: str,
        *,
        function: str | None = None,
        status: str | None = None,
        outcome: str | Sequence[str] | None = None,
        version: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        parent: str | None = None,
        batch: str | None = None,
        tags: Mapping[str, str] | None = None,
        concurrency_key: str | None = None,
    ) -> dict[str, int]:
        """As `Client.invocation_counts`."""
        query = invocations_query(
            function=function,
            status=status,
            outcome=outcome,
            version=version,
            since=since,
            until=until,
            parent=parent,
            batch=batch,
            tags=tags,
            concurrency_key=concurrency_key,
        )
        return await self._connection.run(self._connection.api.counts(project, query))

    async def replay(
        self,
        project: str,
        *,
        function: str | None = None,
        outcome: str | Sequence[str] | None = None,
        version: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        parent: str | None = None,
        batch: str | None = None,
        tags: Mapping[str, str] | None = None,
        concurrency_key: str | None = None,
        in_version: str | None = None,
        idempotency_key: str | None = None,
    ) -> BatchInfo:
        """As `Client.replay`; `batch` and `batch_results` tell of it."""
        query = invocations_query(
            function=function,
            status=None,
            outcome=outcome,
            version=version,
            since=since,
            until=until,
            parent=parent,
            batch=batch,
            tags=tags,
            concurrency_key=concurrency_key,
        )
        made = self._connection.api.replay_all(project, query, in_version=in_version, idempotency_key=idempotency_key)
        return await self._connection.run(made)

    async def failures(
        self,
        project: str,
        *,
        function: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
    ) -> list[FailureGroup]:
        """As `Client.failures`."""
        query = failures_query(function=function, since=since, until=until)
        return (await self._connection.run(self._connection.api.failures(project, query))).failures

    async def pause(self, project: str, function: str | None = None, *, until: datetime | float | None = None) -> Pause:
        """As `Client.pause`."""
        path = pausable_path(project, function)
        return await self._connection.run(self._connection.api.pause(path, until=optional_moment(until)))

    async def resume(self, project: str, function: str | None = None) -> Pause:
        """As `Client.resume`."""
        return await self._connection.run(self._connection.api.resume(pausable_path(project, function)))

    async def set_secret(self, project: str, name: str, value: str) -> Secret:
        """As `Client.set_secret`."""
        return await self._connection.run(self._connection.api.set_secret(project, name, value))

    async def secrets(self, project: str) -> list[Secret]:
        """As `Client.secrets`."""
        return await self._connection.run(self._connection.api.secrets(project))

    async def unset_secret(self, project: str, name: str) -> None:
        """As `Client.unset_secret`."""
        await self._connection.run(self._connection.api.unset_secret(project, name))

    async def schedules(self, project: str) -> list[Schedule]:
        """Newest first, those that are declared and those that were set."""
        return await self._connection.run(schedules.all_of(self._connection.api, project))

    async def schedule(self, project: str, name: str) -> Schedule:
        """With its next times."""
        return await self._connection.run(schedules.get(self._connection.api, project, name))

    async def set_schedule(self, project: str, name: str, function: str, when: "Cron | Every") -> Schedule:
        """Whether it is new or not. Deploys leave it as it is; one that is declared beside its function is changed
        there."""
        fields = fields_of_one(when)
        return await self._connection.run(schedules.put(self._connection.api, project, name, function, fields))

    async def delete_schedule(self, project: str, name: str) -> None:
        """One that was set; what it has called goes on."""
        await self._connection.run(schedules.delete(self._connection.api, project, name))

    async def pause_schedule(self, project: str, name: str, reason: str | None = None) -> Schedule:
        """It calls nothing until it is resumed, whatever is deployed."""
        return await self._connection.run(schedules.pause(self._connection.api, project, name, reason))

    async def resume_schedule(self, project: str, name: str) -> Schedule:
        """What came to be due meanwhile is left to a backfill."""
        return await self._connection.run(schedules.resume(self._connection.api, project, name))

    async def trigger_schedule(self, project: str, name: str) -> AsyncInvocation[Any]:
        """Its call, now, whatever runs, and also if it is paused."""
        made = await self._connection.run(schedules.trigger(self._connection.api, project, name))
        return self.invocation(made.invocation_id)

    async def backfill_schedule(
        self, project: str, name: str, start: datetime | float, end: datetime | float
    ) -> Backfill:
        """The calls of times that have passed, at most 200; those that were made before are not made again. `start`,
        `end`: both inclusive; epoch seconds if they are numbers."""
        first, last = moment(start), moment(end)
        return await self._connection.run(schedules.backfill(self._connection.api, project, name, first, last))

    async def set_webhook(self, project: str, name: str, url: str, events: Sequence[str] | None = None) -> SetWebhook:
        """As `Client.set_webhook`."""
        return await self._connection.run(webhooks.put(self._connection.api, project, name, url, events))

    async def webhooks(self, project: str) -> list[Webhook]:
        """As `Client.webhooks`."""
        return await self._connection.run(webhooks.all_of(self._connection.api, project))

    async def delete_webhook(self, project: str, name: str) -> None:
        """As `Client.delete_webhook`."""
        await self._connection.run(webhooks.delete(self._connection.api, project, name))

    async def rotate_webhook_secret(self, project: str, name: str) -> str:
        """As `Client.rotate_webhook_secret`."""
        return (await self._connection.run(webhooks.rotate_secret(self._connection.api, project, name))).secret

    async def deliveries(
        self, project: str, webhook: str, *, status: str | None = None, at_most: int | None = None
    ) -> list[Delivery]:
        """As `Client.deliveries`."""
        found = webhooks.deliveries(self._connection.api, project, webhook, status=status, at_most=at_most)
        return await self._connection.run(found)

    async def redeliver(self, project: str, webhook: str, delivery_id: str) -> Delivery:
        """As `Client.redeliver`."""
        return await self._connection.run(webhooks.redeliver(self._connection.api, project, webhook, delivery_id))

    async def deploy(
        self,
        project: str,
        folder: str | Path | None = None,
        *,
        image: str | None = None,
        build: bool = False,
        module: str = "main",
        report: Callable[[str], None] | None = None,
    ) -> Version:
        """As `Client.deploy`."""
        deployment = deployment_of(project, folder=folder, image=image, build=build, module=module)
        return await asyncio.to_thread(deployed, self._connection.server, deployment, report)
