"""What is done with calls, as plans: the same for `Client` and `AsyncClient`."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from control_plane.client.callees import Callee, Callees
from control_plane.client.outcomes import outcome, value
from control_plane.decoding import decode
from control_plane.options import Options
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.api import Api, new_key
from control_plane.protocol.artifacts import Artifact, artifacts_of, download_artifact
from control_plane.protocol.blobs import with_output
from control_plane.protocol.events import events
from control_plane.protocol.mapping import results_of_all, submit_all
from control_plane.protocol.paths import invocation_by_id_path, invocation_path
from control_plane.protocol.results import Result, results_of
from control_plane.protocol.sources import FileSink
from control_plane.protocol.states import SUCCEEDED, has_ended, status_of
from control_plane.protocol.steps import Emit, Plan, Stream
from control_plane.protocol.waiting import NEVER, Deadline

_RUNNING = "RUNNING"

ACall = TypeVar("ACall")


@dataclass(slots=True, kw_only=True)
class Call:
    """One invocation, and what is known of it so far: that it has ended with a result stays so."""

    id: str
    info: InvocationInfo | None = None
    is_command: bool | None = None
    result: Result | None = None

    @property
    def path(self) -> str:
        return invocation_by_id_path(self.id) if self.info is None else invocation_path(self.info.document)


class Calls:
    def __init__(self, api: Api) -> None:
        self.callees = Callees(api)
        self._api = api

    def submit(
        self,
        project: str,
        name: str,
        version: str,
        *,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Options,
    ) -> Plan[Call]:
        """Raises TypeError, Refused, Unreachable."""
        callee, text = yield from self.callees.bound(project, name, version, args, kwargs)
        info = yield from self._api.submit(
            callee.path, text, idempotency_key=options.idempotency_key, options=options.fields()
        )
        return Call(id=info.invocation_id, info=info, is_command=callee.is_command)

    def result(self, call: Call, deadline: Deadline) -> Plan[Any]:
        """Its value. Raises InvocationFailed, and TimeoutError at the deadline."""
        if call.result is None:
            info = yield from self._api.settled(call.path, deadline=deadline)
            call.info = info
            call.result = Result.of_document(info.document)
        call.result = yield from self._whole(call.result, deadline)
        is_command = call.result.outcome == SUCCEEDED and (yield from self._is_command(call))
        return value(call.result, is_command=is_command)

    def status(self, call: Call) -> Plan[str]:
        if call.result is not None and call.result.outcome is not None:
            return call.result.outcome
        info = yield from self.look(call)
        return status_of(info.document) if has_ended(info.document) else _RUNNING

    def look(self, call: Call) -> Plan[InvocationInfo]:
        """As it is now."""
        info = yield from self._api.invocation(call.path)
        call.info = info
        if has_ended(info.document):
            call.result = Result.of_document(info.document)
        return info

    def artifacts(self, call: Call) -> Plan[list[Artifact]]:
        """By their names."""
        info = call.info or (yield from self.look(call))
        return (yield from artifacts_of(self._api, invocation_path(info.document)))

    def download(self, artifact: Artifact, path: str | os.PathLike[str]) -> Plan[None]:
        """Raises OSError."""
        sink = FileSink(path)
        try:
            yield from download_artifact(self._api, artifact, sink)
            sink.keep()
        finally:
            sink.discard()

    def cancel(self, call: Call) -> Plan[None]:
        """One that has ended stays as it is."""
        return self._api.stop(call.path)

    def replay(self, call: Call, *, in_version: str | None, idempotency_key: str | None) -> Plan[Call]:
        """The new one."""
        info = yield from self._api.replay(call.path, in_version=in_version, idempotency_key=idempotency_key)
        return Call(id=info.invocation_id, info=info, is_command=call.is_command)

    def progress(self, call: Call, *, follow: bool) -> Stream:
        """Emits what the function reports, the newest value each time, until its end; or only the newest one."""
        if not follow:
            info = yield from self.look(call)
            if info.latest is not None and info.latest.output is not None and info.latest.outcome != SUCCEEDED:
                yield Emit(decode(info.latest.output))
            return
        yield from _picked(
            events(self._api.peer, call.path, with_logs=False),
            lambda event: [decode(event.data["output"])] if event.name == "progress" else [],
        )

    def logs(self, call: Call, *, follow: bool) -> Stream:
        """Emits lines: of all attempts so far, or on until the end."""
        if not follow:
            info = yield from self.look(call)
            yield from _picked(self._api.log_entries(info, info.executions), lambda pair: [pair[1]["line"]])
            return
        yield from _picked(
            events(self._api.peer, call.path, with_logs=True),
            lambda event: [event.data["line"]] if event.name == "log" else [],
        )

    def as_they_end(self, calls: Iterable[Call], deadline: Deadline) -> Stream:
        """Emits each of the calls once it has ended. Raises TimeoutError at the deadline."""
        by_id: dict[str, list[Call]] = {}
        for call in calls:
            if call.result is None:
                by_id.setdefault(call.id, []).append(call)
            else:
                yield Emit(call)

        def ended(result: Result) -> list[Call]:
            for call in by_id[result.invocation_id]:
                call.result = result
            return by_id[result.invocation_id]

        yield from _picked(results_of(self._api.peer, by_id, deadline=deadline), ended)

    def outcome(self, call: Call) -> Plan[Any]:
        """Of one that has ended: its value, or its error, which is not raised."""
        assert call.result is not None
        call.result = yield from self._whole(call.result)
        is_command = call.result.outcome == SUCCEEDED and (yield from self._is_command(call))
        return outcome(call.result, is_command=is_command)

    def mapped(
        self, project: str, name: str, version: str, arguments: Iterable[Sequence[Any]], *, options: Options
    ) -> Plan[tuple[Callee, list[Any]]]:
        """All submitted; a key of the options is of no use. Raises TypeError, Refused, Unreachable."""
        callee = yield from self.callees.find(project, name, version)
        submitted = yield from submit_all(
            self._api,
            callee.path,
            (callee.input_of(args, {}) for args in arguments),
            key_of=lambda _inputs: new_key(),
            options=options.fields(),
        )
        return callee, submitted

    def map_results(
        self, callee: Callee, submitted: Sequence[Any], *, ordered: bool, return_exceptions: bool
    ) -> Stream:
        """Emits values; raises the first error in its turn, or emits it."""
        read: Callable[..., Any] = outcome if return_exceptions else value
        yield from _picked(
            results_of_all(self._api, submitted, ordered=ordered, is_whole=True),
            lambda result: [read(result, is_command=callee.is_command)],
        )

    def _whole(self, result: Result, deadline: Deadline = NEVER) -> Plan[Result]:
        """With its output, however large. Raises TimeoutError at the deadline."""
        if result.output_blob is None:
            return result
        return (yield from with_output(self._api.peer, result, deadline))

    def _is_command(self, call: Call) -> Plan[bool]:
        if call.is_command is None:
            info = call.info if call.info is not None else (yield from self._api.invocation(call.path))
            call.info = info
            call.is_command = yield from self.callees.is_command(info.project_name, info.function_name, info.version_id)
        return call.is_command


def _picked(stream: Stream, pick: Callable[[Any], Iterable[Any]]) -> Stream:
    """The stream, in place of each thing that it emits those that `pick` makes of it."""
    reply: Any = None
    error: BaseException | None = None
    try:
        while True:
            try:
                step = stream.send(reply) if error is None else stream.throw(error)
            except StopIteration:
                return
            reply = error = None
            if isinstance(step, Emit):
                for found in pick(step.value):
                    yield Emit(found)
                continue
            try:
                reply = yield step
            except Exception as raised:
                error = raised
    finally:
        stream.close()
