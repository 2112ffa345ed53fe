"""`control_plane.Client`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from control_plane.access.resolution import find_server
from control_plane.calls import as_completed
from control_plane.client.batches import Batch
from control_plane.client.callees import named
from control_plane.client.calls import Call, Calls
from control_plane.client.connections import Connection
from control_plane.client.deploying import deployed, deployment_of
from control_plane.client.functions import RemoteFunction
from control_plane.client.invocations import ClientInvocation
from control_plane.client.listing import ProjectInvocation, failures_query, invocations_query, moment, optional_moment
from control_plane.protocol import schedules, webhooks
from control_plane.protocol.answers import FailureGroup, ListedVersion, Pause, Project, Secret, Version
from control_plane.protocol.paths import LATEST, pausable_path, project_path
from control_plane.protocol.schedules import Backfill, Schedule
from control_plane.protocol.waiting import Patience
from control_plane.protocol.webhooks import Delivery, SetWebhook, Webhook
from control_plane.schedules import fields_of_one

if TYPE_CHECKING:
    from control_plane.commands import Command
    from control_plane.functions import Function
    from control_plane.invocation import Invocation
    from control_plane.schedules import Cron, Every

P = ParamSpec("P")
R = TypeVar("R")


class Client:
    """A control plane, for an application. A context that closes its connections; for any number of threads, and for
    copies of the process.

    Every method raises Refused for what the server refuses, and Unreachable if it does not answer.
    """

    def __init__(self, api_url: str | None = None, api_key: str | None = None, *, timeout: float = 60.0) -> None:
        """Without an address, the server of CONTROL_PLANE_API_URL and CONTROL_PLANE_API_KEY, the one that
        `control-plane use` has chosen or `control-plane login` saved, or the stack on this machine.

        `timeout`: seconds for which lost connections and servers that cannot answer are waited out by each request.
        Raises ControlPlaneError if there is no server or no key.
        """
        server = find_server(api_url, api_key)
        self._connection = Connection(server, Patience(timeout, timeout))
        self._calls = Calls(self._connection.api)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Connections; they are made anew if they are needed again."""
        self._connection.close()

    @overload
    def function(self, project: str, function: str, *, version: str = LATEST) -> RemoteFunction[..., Any]: ...

    @overload
    def function(self, project: str, function: "Function[P, R]", *, version: str = LATEST) -> RemoteFunction[P, R]: ...

    @overload
    def function(
        self, project: str, function: "Command", *, version: str = LATEST
    ) -> RemoteFunction[..., str | None]: ...

    def function(self, project: str, function: Any, *, version: str = LATEST) -> RemoteFunction[..., Any]:
        """A function of a project, by its name or as it is declared: then its arguments and result have types.

        Looks it up; Refused names those that there are if there is none.
        """
        name = named(project, function)
        self._connection.run(self._calls.callees.find(project, name, version))
        return RemoteFunction(self._connection, self._calls, project=project, name=name, version=version)

    def invocation(self, invocation_id: str) -> ClientInvocation[Any]:
        """By its id, from whatever process it was submitted."""
        return ClientInvocation(self._connection, self._calls, Call(id=invocation_id))

    def batch(self, batch_id: str) -> Batch:
        """By its id, from whatever process it was submitted."""
        return Batch(self._connection, batch_id)

    def gather(self, *calls: "Invocation[R]", return_exceptions: bool = False) -> list[R]:
        """Results of all, in their order; waits on one connection.

        The first failure among them is raised once all have ended, or with `return_exceptions` given in place of the
        result.
        """
        for _ in self.as_completed(calls):
            pass
        return [self._outcome(call) if return_exceptions else call.result() for call in calls]

    def as_completed(self, calls: Iterable["Invocation[R]"], timeout: float | None = None) -> Iterator["Invocation[R]"]:
        """The calls in the order in which they end, well or badly; waits on one connection. Raises TimeoutError after
        so many seconds."""
        return as_completed(calls, timeout)

    def projects(self) -> list[Project]:
        """All that the key may see."""
        return self._connection.run(self._connection.api.projects()).projects

    def versions(self, project: str) -> list[ListedVersion]:
        """Newest first."""
        return self._connection.run(self._connection.api.versions(project)).versions

    def version(self, project: str, version: str = LATEST) -> Version:
        """With its functions."""
        return self._connection.run(self._connection.api.version(project, version))

    def invocations(
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
    ) -> Iterator[ProjectInvocation]:
        """Those of a project, newest first, read page by page as they are asked for.

        `status`: RUNNING or TERMINATED; `outcome`: SUCCEEDED, FAILED, CANCELLED, TIMED_OUT or ABORTED, or several;
        `since` and `until`: of their creation, epoch seconds if they are numbers; `parent`, `batch`: ids; `tags`: all
        of these they have.
        """
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
        documents = self._connection.iterate(self._connection.api.pages(path, "invocations", query))
        return map(ProjectInvocation, documents)

    def invocation_counts(
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
        """How many of a project's invocations stand how: `queued`, `running`, and each outcome. Narrowed as
        `invocations`."""
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
        return self._connection.run(self._connection.api.counts(project, query))

    def replay(
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
    ) -> Batch:
        """All of a project's invocations that are so and have ended, once more, 10,000 at most: as a batch, each with
        the same input and options but for a delay. Narrowed as `invocations`.

        `in_version`: a version's id, or `latest`, whose functions of the same names they call; without one, each in the
        version in which it ran.
        """
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
        return Batch(self._connection, self._connection.run(made).batch_id)

    def failures(
        self,
        project: str,
        *,
        function: str | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
    ) -> list[FailureGroup]:
        """What has failed or timed out, grouped by function and message, the newest first. `since`, `until`: as of
        `invocations`."""
        query = failures_query(function=function, since=since, until=until)
        return (self._connection.run(self._connection.api.failures(project, query))).failures

    def pause(self, project: str, function: str | None = None, *, until: datetime | float | None = None) -> Pause:
        """Let nothing that waits begin, in a project or of a function in all its versions; what runs goes on. `until`:
        when it resumes by itself, epoch seconds if it is a number."""
        path = pausable_path(project, function)
        return self._connection.run(self._connection.api.pause(path, until=optional_moment(until)))

    def resume(self, project: str, function: str | None = None) -> Pause:
        """Let what waits go on. What is not paused stays so."""
        return self._connection.run(self._connection.api.resume(pausable_path(project, function)))

    def set_secret(self, project: str, name: str, value: str) -> Secret:
        """Whether it is new or not; containers that start from now on get it."""
        return self._connection.run(self._connection.api.set_secret(project, name, value))

    def secrets(self, project: str) -> list[Secret]:
        """Newest first, without their values, which nobody is told."""
        return self._connection.run(self._connection.api.secrets(project))

    def unset_secret(self, project: str, name: str) -> None:
        """Containers of functions that name it fail from now on, until it is set again."""
        self._connection.run(self._connection.api.unset_secret(project, name))

    def schedules(self, project: str) -> list[Schedule]:
        """Newest first, those that are declared and those that were set."""
        return self._connection.run(schedules.all_of(self._connection.api, project))

    def schedule(self, project: str, name: str) -> Schedule:
        """With its next times."""
        return self._connection.run(schedules.get(self._connection.api, project, name))

    def set_schedule(self, project: str, name: str, function: str, when: "Cron | Every") -> Schedule:
        """Whether it is new or not. Deploys leave it as it is; one that is declared beside its function is changed
        there."""
        fields = fields_of_one(when)
        return self._connection.run(schedules.put(self._connection.api, project, name, function, fields))

    def delete_schedule(self, project: str, name: str) -> None:
        """One that was set; what it has called goes on."""
        self._connection.run(schedules.delete(self._connection.api, project, name))

    def pause_schedule(self, project: str, name: str, reason: str | None = None) -> Schedule:
        """It calls nothing until it is resumed, whatever is deployed."""
        return self._connection.run(schedules.pause(self._connection.api, project, name, reason))

    def resume_schedule(self, project: str, name: str) -> Schedule:
        """What came to be due meanwhile is left to a backfill."""
        return self._connection.run(schedules.resume(self._connection.api, project, name))

    def trigger_schedule(self, project: str, name: str) -> ClientInvocation[Any]:
        """Its call, now, whatever runs, and also if it is paused."""
        made = self._connection.run(schedules.trigger(self._connection.api, project, name))
        return self.invocation(made.invocation_id)

    def backfill_schedule(self, project: str, name: str, start: datetime | float, end: datetime | float) -> Backfill:
        """The calls of times that have passed, at most 200; those that were made before are not made again. `start`,
        `end`: both inclusive; epoch seconds if they are numbers."""
        first, last = moment(start), moment(end)
        return self._connection.run(schedules.backfill(self._connection.api, project, name, first, last))

    def set_webhook(self, project: str, name: str, url: str, events: Sequence[str] | None = None) -> SetWebhook:
        """Have the ends of a project's invocations told to a URL. `events`: `invocation.succeeded`, `.failed`,
        `.cancelled`, `.timed_out`; None: all. A new one is answered with its `secret`, which is told only then."""
        return self._connection.run(webhooks.put(self._connection.api, project, name, url, events))

    def webhooks(self, project: str) -> list[Webhook]:
        """Newest first."""
        return self._connection.run(webhooks.all_of(self._connection.api, project))

    def delete_webhook(self, project: str, name: str) -> None:
        """What is pending is given up."""
        self._connection.run(webhooks.delete(self._connection.api, project, name))

    def rotate_webhook_secret(self, project: str, name: str) -> str:
        """The new secret; for a day the one before signs beside it. `name`: `invocations` for what signs the webhooks
        of single calls, of which it makes the first one, too."""
        return self._connection.run(webhooks.rotate_secret(self._connection.api, project, name)).secret

    def deliveries(
        self, project: str, webhook: str, *, status: str | None = None, at_most: int | None = None
    ) -> list[Delivery]:
        """Newest first. `webhook`: also `invocations`, for those of single calls. `status`: PENDING, DELIVERED or
        GIVEN_UP."""
        found = webhooks.deliveries(self._connection.api, project, webhook, status=status, at_most=at_most)
        return self._connection.run(found)

    def redeliver(self, project: str, webhook: str, delivery_id: str) -> Delivery:
        """Have it sent now, whatever became of it, under the same id."""
        return self._connection.run(webhooks.redeliver(self._connection.api, project, webhook, delivery_id))

    def deploy(
        self,
        project: str,
        folder: str | Path | None = None,
        *,
        image: str | None = None,
        build: bool = False,
        module: str = "main",
        report: Callable[[str], None] | None = None,
    ) -> Version:
        """As `control-plane deploy`: the functions that a folder's module declares become the project's newest version,
        and are ready when this returns. `image`: a pushed one that has the code; `build`: make one of the folder's
        Dockerfile. `report` is told what happens, line by line.

        Raises ControlPlaneError with the line that says what to mend.
        """
        deployment = deployment_of(project, folder=folder, image=image, build=build, module=module)
        return deployed(self._connection.server, deployment, report)

    def _outcome(self, call: "Invocation[Any]") -> Any:
        assert isinstance(call, ClientInvocation)
        return self._connection.run(self._calls.outcome(call._call))
