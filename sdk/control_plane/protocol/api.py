"""The control plane's REST API as plans, and nothing that any other client could not do."""

from __future__ import annotations

import os
from importlib import import_module
from json import dumps
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence

from control_plane.errors import Refused
from control_plane.protocol import answers
from control_plane.protocol.answers import AnAnswer
from control_plane.protocol.bounds import MAX_INPUT_LENGTH
from control_plane.protocol.exchange import Peer, exchange
from control_plane.protocol.paths import (
    NO_QUERY,
    Query,
    escaped,
    invocation_path,
    project_path,
    secret_path,
    version_path,
    with_query,
)
from control_plane.protocol.states import has_ended
from control_plane.protocol.steps import Emit, Plan, Request, Sleep, Stream
from control_plane.protocol.waiting import NEVER, Deadline

if TYPE_CHECKING:
    from control_plane.protocol.sources import Source

_JSON = {"Content-Type": "application/json"}
_NDJSON = {"Content-Type": "application/x-ndjson"}
_CONFLICT = 409
_NO_SUCH_ROUTE = "Not Found"
WAIT_SECONDS = 20  # of one long poll
_SHORTEST_POLL_SECONDS = 0.5  # an attempt that failed answers a long poll at once while the next one is still running
_SLACK_SECONDS = 20.0

Parent = Mapping[str, str]
# Those of `Options.fields`. A control plane of an earlier release knows fewer.
SubmitFields = Mapping[str, Any]
NO_OPTIONS: SubmitFields = {}


class Api:
    """Every method raises Refused and Unreachable; none sends anything before its plan is carried out."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def get(self, path: str, query: Query = NO_QUERY) -> Plan[Any]:
        reply = yield from exchange(self.peer, Request("GET", with_query(path, query)))
        return reply.document

    def put(self, path: str, body: Any = None) -> Plan[Any]:
        request = Request("PUT", path) if body is None else Request("PUT", path, dumps(body).encode(), _JSON)
        reply = yield from exchange(self.peer, request)
        return reply.document

    def delete(self, path: str) -> Plan[Any]:
        reply = yield from exchange(self.peer, Request("DELETE", path))
        return reply.document

    def post(
        self, path: str, body: Any, *, headers: Mapping[str, str] | None = None, may_repeat: bool = True
    ) -> Plan[Any]:
        request = Request("POST", path, dumps(body).encode(), {**_JSON, **(headers or {})})
        reply = yield from exchange(self.peer, request, may_repeat=may_repeat)
        return reply.document

    def projects(self) -> Plan[answers.Projects]:
        return self._read(answers.Projects, self.get("/projects"))

    def project(self, name: str) -> Plan[answers.Project]:
        return self._read(answers.Project, self.get(project_path(name)))

    def ensure_project(self, name: str) -> Plan[None]:
        """One that exists is as good as a new one."""
        try:
            yield from self.put(project_path(name))
        except Refused as error:
            if error.status != _CONFLICT:
                raise

    def delete_project(self, name: str) -> Plan[answers.Project]:
        return self._read(answers.Project, self.delete(project_path(name)))

    def delete_project_images(self, name: str) -> Plan[int]:
        """Of a project that is gone, from the registry; how many there were."""
        document = yield from self.delete(project_path(name) + "/images")
        removed: int = document["removed"]
        return removed

    def create_version(
        self, project: str, definition: Mapping[str, Any], *, create_project: bool = False
    ) -> Plan[answers.Version]:
        """Not repeated once it was sent: there would be two. `create_project`: with its project, if need be; one that
        is refused makes none."""
        path = with_query(project_path(project) + "/versions", {"create_project": "true" if create_project else None})
        try:
            return (yield from self._read(answers.Version, self.post(path, definition, may_repeat=False)))
        except Refused as error:
            if error.code != "ProjectDoesNotExist" or not create_project:
                raise
        # Of an earlier release, which makes no project by this.
        yield from self.ensure_project(project)
        return (yield from self.create_version(project, definition))

    def version(self, project: str, version: str) -> Plan[answers.Version]:
        return self._read(answers.Version, self.get(version_path(project, version)))

    def versions(self, project: str) -> Plan[answers.Versions]:
        return self._read(answers.Versions, self.get(project_path(project) + "/versions"))

    def set_secret(self, project: str, name: str, value: str, *, create_project: bool = False) -> Plan[answers.Secret]:
        """`create_project`: if need be."""
        query: Query = {"create_project": "true" if create_project else None}
        return self._read(answers.Secret, self.put(with_query(secret_path(project, name), query), {"value": value}))

    def unset_secret(self, project: str, name: str) -> Plan[answers.Secret]:
        return self._read(answers.Secret, self.delete(secret_path(project, name)))

    def pause(self, path: str, *, until: int | None) -> Plan[answers.Pause]:
        """`path`: of a project, or of a function in any of its versions. `until`: epoch seconds; None: until it is
        resumed."""
        body = {} if until is None else {"until": until}
        return self._read(answers.Pause, self.put(path + "/pause", body))

    def resume(self, path: str) -> Plan[answers.Pause]:
        return self._read(answers.Pause, self.put(path + "/resume"))

    def secrets(self, project: str) -> Plan[List[answers.Secret]]:
        """All of a project, newest first."""
        found: List[answers.Secret] = []
        offset: str | None = None
        while True:
            query: Query = {"initial_offset": offset}
            page = yield from self._read(answers.Secrets, self.get(project_path(project) + "/secrets", query))
            found += page.secrets
            if page.next_offset in (None, offset):
                return found
            offset = page.next_offset

    def rotate_secrets(self) -> Plan[answers.Rotation]:
        """Some of all projects; to be repeated until none remains."""
        return self._read(answers.Rotation, self.post("/secrets/rotate", {}))

    def submit(
        self,
        function: str,
        text: str | Source,
        *,
        idempotency_key: str | None = None,
        options: SubmitFields = NO_OPTIONS,
        parent: Parent | None = None,
        resume_keys: Sequence[str] = (),
    ) -> Plan[answers.InvocationInfo]:
        """`function`: its path. `text`: what is too long for a request is uploaded before. Without a key of the
        caller's it has one of its own, so that it may be repeated."""
        content = yield from self._input(function, text)
        body: Dict[str, Any] = {**content, **options, **_origin(parent, resume_keys)}
        headers = {"Idempotency-Key": idempotency_key or new_key()}
        made = self._read(answers.InvocationInfo, self.post(function + "/invocations", body, headers=headers))
        return (yield from made)

    def _input(self, function: str, text: str | Source) -> Plan[Dict[str, str]]:
        if isinstance(text, str) and len(text) <= MAX_INPUT_LENGTH:
            return {"input": text}
        # Few inputs are so long.
        blobs = import_module("control_plane.protocol.blobs")
        size = "{:,} {}".format(*((len(text), "characters") if isinstance(text, str) else (text.size, "bytes")))
        if isinstance(text, str):
            text = import_module("control_plane.protocol.sources").TextSource(text)
        project = "/".join(function.split("/")[:3])
        try:
            blob_id = yield from blobs.upload(self.peer, project + "/blobs", text)
        except Refused as error:
            if error.detail != _NO_SUCH_ROUTE:
                raise
            # Of an earlier release, which knows nothing of blobs.
            said = "the input has {}; this control plane takes {:,} characters".format(size, MAX_INPUT_LENGTH)
            raise Refused(error.status, "", said) from None
        return {"input_blob": blob_id}

    def submit_batch(
        self,
        function: str,
        inputs: Sequence[str],
        *,
        idempotency_key: str,
        options: SubmitFields = NO_OPTIONS,
        parent: Parent | None = None,
        resume_keys: Sequence[str] = (),
    ) -> Plan[answers.BatchInfo]:
        """`function`: its path. `inputs`: 1 to 10,000."""
        body: Dict[str, Any] = {"inputs": inputs, **options, **_origin(parent, resume_keys)}
        headers = {"Idempotency-Key": idempotency_key}
        return self._read(answers.BatchInfo, self.post(function + "/batches", body, headers=headers))

    def replay(
        self, path: str, *, in_version: str | None = None, idempotency_key: str | None = None
    ) -> Plan[answers.InvocationInfo]:
        """An invocation that has ended once more: the new one. `path`: of the invocation. `in_version`: None: that in
        which it ran."""
        headers = {"Idempotency-Key": idempotency_key or new_key()}
        made = self.post(path + "/replay", {"version_ref": in_version}, headers=headers)
        return self._read(answers.InvocationInfo, made)

    def replay_all(
        self, project: str, query: Query, *, in_version: str | None = None, idempotency_key: str | None = None
    ) -> Plan[answers.BatchInfo]:
        """All of a project that match and have ended once more. `query`: of a list of the project's invocations."""
        given = {name: value for name, value in query.items() if value is not None}
        headers = {"Idempotency-Key": idempotency_key or new_key()}
        made = self.post(project_path(project) + "/replays", {**given, "version_ref": in_version}, headers=headers)
        return self._read(answers.BatchInfo, made)

    def batch(self, path: str) -> Plan[answers.BatchInfo]:
        return self._read(answers.BatchInfo, self.get(path))

    def cancel_batch(self, path: str) -> Plan[answers.BatchInfo]:
        return self._read(answers.BatchInfo, self.put(path + "/cancel"))

    def stop_batch(self, path: str) -> Plan[None]:
        """One that has ended stays as it is."""
        try:
            yield from self.cancel_batch(path)
        except Refused as error:
            if error.status != _CONFLICT:
                raise

    def stop(self, path: str) -> Plan[None]:
        """An invocation; one that has ended stays as it is."""
        try:
            yield from self.cancel(path)
        except Refused as error:
            if error.status != _CONFLICT:
                raise

    def invocation(self, path: str) -> Plan[answers.InvocationInfo]:
        return self._read(answers.InvocationInfo, self.get(path))

    def invocation_by_id(self, invocation_id: str) -> Plan[answers.InvocationInfo]:
        return self.invocation("/invocations/" + escaped(invocation_id))

    def settled(self, path: str, *, deadline: Deadline = NEVER) -> Plan[answers.InvocationInfo]:
        """The invocation once its outcome is known. Raises TimeoutError at the deadline."""
        while True:
            wait_seconds = int(deadline.remaining(WAIT_SECONDS))
            request = Request(
                "GET",
                with_query(path, {"wait_seconds": wait_seconds or None}),
                silence_seconds=wait_seconds + _SLACK_SECONDS,
            )
            began = Deadline(_SHORTEST_POLL_SECONDS)
            reply = yield from exchange(self.peer, request, deadline=deadline)
            invocation = self.understood(answers.InvocationInfo, reply.document)
            if has_ended(reply.document):
                return invocation
            deadline.check()
            yield Sleep(deadline.remaining(began.remaining(_SHORTEST_POLL_SECONDS)))

    def cancel(self, path: str) -> Plan[answers.InvocationInfo]:
        return self._read(answers.InvocationInfo, self.put(path + "/cancel"))

    def function_invocations(self, function: str, query: Query) -> Plan[answers.FunctionInvocations]:
        """Newest first. `query`: of the API's endpoint."""
        return self._read(answers.FunctionInvocations, self.get(function + "/invocations", query))

    def counts(self, project: str, query: Query) -> Plan[Dict[str, int]]:
        """How many of a project's invocations stand how: `queued`, `running`, and each outcome. `query`: of the API's
        endpoint."""
        document = yield from self.get(project_path(project) + "/invocations/counts", query)
        counts: Dict[str, int] = document["counts"]
        return counts

    def failures(self, project: str, query: Query) -> Plan[answers.Failures]:
        """Groups of a project's invocations that have not succeeded. `query`: of the API's endpoint."""
        return self._read(answers.Failures, self.get(project_path(project) + "/failures", query))

    def pages(self, path: str, items: str, query: Query) -> Stream:
        """Emits each document of a list, page by page, as they are asked for."""
        offset: str | None = None
        while True:
            page = yield from self.get(path, {**query, "initial_offset": offset})
            for item in page[items]:
                yield Emit(item)
            if page["next_offset"] in (None, offset):
                return
            offset = page["next_offset"]

    def logs(
        self,
        invocation: str,
        execution_id: str,
        *,
        offset: str | None = None,
        since: float | None = None,
        tail: int | None = None,
    ) -> Plan[answers.LogPage]:
        path = "%s/executions/%s/logs" % (invocation, escaped(execution_id))
        query: Query = {"initial_offset": offset, "since": since, "tail": tail}
        return self._read(answers.LogPage, self.get(path, query))

    def log_entries(
        self,
        invocation: answers.InvocationInfo,
        executions: Sequence[answers.Execution],
        *,
        since: float | None = None,
        tail: int | None = None,
    ) -> Stream:
        """Emits pairs of execution and entry (of LogPage): what the containers of these attempts have written so far,
        each attempt's since then, or its last ones."""
        path = invocation_path(invocation.document)
        for execution in executions:
            offset: str | None = None
            page = yield from self.logs(path, execution.execution_id, since=since, tail=tail)
            while True:
                for entry in page.entries:
                    yield Emit((execution.execution_id, entry))
                if page.next_offset in (None, offset):
                    break
                offset = page.next_offset
                page = yield from self.logs(path, execution.execution_id, offset=offset)

    def repository_credentials(self) -> Plan[answers.RepositoryCredentials]:
        return self._read(answers.RepositoryCredentials, self.get("/container_repository_credentials"))

    def image_folder(self) -> Plan[answers.ImageFolder]:
        return self._read(answers.ImageFolder, self.get("/image_folder"))

    def understood(self, answer: Callable[[Any], AnAnswer], document: Any) -> AnAnswer:
        """Raises Unreachable."""
        return answers.read(answer, document, peer_name=self.peer.name)

    def _read(self, answer: Callable[[Any], AnAnswer], plan: Plan[Any]) -> Plan[AnAnswer]:
        document = yield from plan
        return self.understood(answer, document)


def new_key() -> str:
    """An idempotency key of its own."""
    return os.urandom(16).hex()


def _origin(parent: Parent | None, resume_keys: Sequence[str]) -> Dict[str, Any]:
    """The fields of a submit that say what it comes from."""
    fields = {"parent_invocation": parent, "resume_keys": list(resume_keys) or None}
    return {name: value for name, value in fields.items() if value is not None}
