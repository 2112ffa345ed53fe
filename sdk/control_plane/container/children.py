"""Calls of other functions of the same version by the code of a container: each runs in a container of its own.

Children are cancelled if their parent is cancelled or times out. A container that was lost with its machine and started
again finds the children that it had started, instead of starting them twice; so does a later attempt of a function with
`resume_children`, of those that succeeded or still run. Processes that the function starts, a pool
of workers for example, may start and await children like itself.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import os
import threading
from json import dumps
from queue import Empty, SimpleQueue
from typing import Any, Callable, Dict, Iterable, Iterator, List, Sequence

from control_plane.commands import Command
from control_plane.container import tally
from control_plane.container.api import Api
from control_plane.container.environment import RESUMES_CHILDREN, Environment
from control_plane.container.waiter import Waiter, waiter_of
from control_plane.context import execution_id_of
from control_plane.decoding import output_value
from control_plane.errors import Refused, failure_of
from control_plane.functions import Function
from control_plane.invocation import Invocation
from control_plane.options import Options
from control_plane.protocol.answers import BatchInfo
from control_plane.protocol.api import Api as Plans
from control_plane.protocol.events import events
from control_plane.protocol.mapping import results_of_all, submit_all
from control_plane.protocol.paths import function_path, invocation_path
from control_plane.protocol.results import Result, results_of
from control_plane.protocol.states import RUNNING, SUCCEEDED, has_ended, status_of
from control_plane.protocol.steps import Plan
from control_plane.protocol.waiting import Deadline

_MOST_ATTEMPTS = 51  # the API's bound


class Child(Invocation[Any]):
    """`is_text`: whether it gives a text, as commands do; None where this process does not know."""

    def __init__(self, api: Api, path: str, *, id: str, function_name: str, is_text: bool | None) -> None:
        self.id = id
        self.function_name = function_name
        self._api = api
        self._path = path
        self._is_text = is_text
        self._settled: Result | Exception | None = None
        self._listeners: List[Callable[[Child], None]] = []
        self._waiter.add(self)

    @property
    def is_settled(self) -> bool:
        return self._settled is not None

    @property
    def _waiter(self) -> Waiter:
        return waiter_of(os.getpid(), self._api)

    def result(self, timeout: float | None = None) -> Any:
        deadline = Deadline(timeout)
        waiter = self._waiter
        try:
            waiter.want(self)
        except RuntimeError:  # there can be no thread: then this one waits, and for this child alone
            for _ in self._alone([self], deadline):
                pass
        with waiter.ended:
            if not waiter.ended.wait_for(lambda: self.is_settled, timeout):
                raise TimeoutError("%s %s has not ended within %g s" % (self.function_name, self.id, timeout or 0))
        settled = self._settled
        if isinstance(settled, Exception):  # of the API, not of the child
            raise settled
        assert settled is not None
        return value_of(whole(self._api, settled, deadline), is_text=self._is_text)

    def done(self) -> bool:
        try:
            self._waiter.want(self)
        except RuntimeError:  # no thread that would tell
            return self.is_settled or has_ended(self._look())
        return self.is_settled

    def status(self) -> str:
        if isinstance(self._settled, Result):
            return str(self._settled.outcome)
        document = self._look()
        return status_of(document) if has_ended(document) else RUNNING

    def progress(self, follow: bool = True) -> Iterator[Any]:
        if not follow:
            latest = self._look()["executions"][-1:]
            if latest and latest[0]["output"] is not None and latest[0]["outcome"] != SUCCEEDED:
                yield output_value(latest[0]["output"], is_text=self._is_text)
            return
        for event in self._api.iterate(events(self._api.peer, self._path, with_logs=False)):
            if event.name == "progress":
                yield output_value(event.data["output"], is_text=self._is_text)

    def cancel(self) -> None:
        try:
            self._api.request("PUT", self._path + "/cancel")
        except Refused as refusal:
            if refusal.status != 409:
                raise

    def _look(self) -> Dict[str, Any]:
        """The invocation as it is now."""
        return self._api.run(Plans(self._api.peer).get(self._path))

    def settle(self, result: Result | Exception) -> None:
        """By the waiter, which holds its lock."""
        self._settled = result
        for listener in self._listeners:
            listener(self)
        self._listeners = []

    def _as_they_end(self, calls: Sequence[Invocation[Any]], timeout: float | None) -> Iterator[Invocation[Any]]:
        children = [call for call in calls if isinstance(call, Child)]
        if len(children) < len(calls):
            raise TypeError("calls of containers and others cannot be waited for together")
        deadline = Deadline(timeout)
        ended: SimpleQueue[Child] = SimpleQueue()
        try:
            for child in children:
                child._tell(ended.put)
        except RuntimeError:  # there can be no thread: then this one waits
            yield from self._alone(children, deadline)
            return
        for _ in children:
            try:
                yield ended.get(timeout=None if timeout is None else deadline.remaining(timeout))
            except Empty:
                raise TimeoutError("not all of them have ended within %g s" % (timeout or 0)) from None

    def _tell(self, listener: Callable[[Child], None]) -> None:
        """Once it has ended. Raises RuntimeError where no thread can be had."""
        waiter = self._waiter
        waiter.want(self)
        with waiter.ended:
            if not self.is_settled:
                self._listeners.append(listener)
                return
        listener(self)

    def _alone(self, children: Sequence[Child], deadline: Deadline) -> Iterator[Child]:
        """As they end, by the thread that asks."""
        waiting: Dict[str, List[Child]] = {}
        for child in children:
            if child.is_settled:
                yield child
            else:
                waiting.setdefault(child.id, []).append(child)
        with contextlib.closing(self._api.iterate(results_of(self._api.peer, waiting, deadline=deadline))) as found:
            for result in found:
                for child in waiting[result.invocation_id]:
                    self._waiter.settle(child, result)
                    yield child


class Caller:
    """Starts the children of this execution."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._api = Api(environment.api_url, environment.api_key)
        self._plans = Plans(self._api.peer)
        self._parent = {"function_name": environment.function_name, "invocation_id": environment.invocation_id}
        self._keys = _Keys(environment.execution_id, earlier_executions(environment))

    def submit(self, name: str, callee: Function[..., Any] | Command | None, text: str, *, options: Options) -> Child:
        key = options.idempotency_key or self._keys.next(dumps([name, text]))
        resume_keys = () if options.idempotency_key else self._keys.earlier(key)
        try:
            made = self._api.run(
                self._plans.submit(
                    self._path(name),
                    text,
                    idempotency_key=key,
                    options=options.fields(),
                    parent=self._parent,
                    resume_keys=resume_keys,
                )
            ).document
        except Refused as refusal:
            raise self._explained(refusal, name) from None
        return Child(
            self._api,
            invocation_path(made),
            id=made["invocation_id"],
            function_name=name,
            is_text=_is_text(callee),
        )

    def map(
        self,
        name: str,
        callee: Function[..., Any] | Command | None,
        texts: Iterable[str],
        *,
        ordered: bool,
        return_exceptions: bool,
    ) -> Iterator[Any]:
        try:
            submitted = self._api.run(
                submit_all(
                    self._plans,
                    self._path(name),
                    texts,
                    key_of=lambda chunk: self._keys.next(dumps([name, *chunk])),
                    resume_keys_of=self._keys.earlier,
                    parent=self._parent,
                )
            )
        except Refused as refusal:
            raise self._explained(refusal, name) from None
        read = outcome_of if return_exceptions else value_of

        def again(batch: BatchInfo, inputs: Sequence[str]) -> Plan[BatchInfo]:
            key = self._keys.next(dumps([name, batch.batch_id, *inputs]))
            return self._plans.submit_batch(
                self._path(name),
                inputs,
                idempotency_key=key,
                resume_keys=self._keys.earlier(key),
                parent=self._parent,
            )

        results = self._api.iterate(results_of_all(self._plans, submitted, ordered=ordered, is_whole=True, again=again))
        return (read(result, is_text=_is_text(callee)) for result in results)

    def _path(self, name: str) -> str:
        return function_path(self._environment.project_name, self._environment.version_id, name)

    def _explained(self, refusal: Refused, name: str) -> Refused:
        """One that says which functions there are, where that is what is wrong."""
        if refusal.code != "FunctionDoesNotExist":
            return refusal
        version = self._api.run(self._plans.version(self._environment.project_name, self._environment.version_id))
        known = ", ".join(sorted(function.function_name for function in version.functions))
        said = "there is no function %r in this version; there are %s" % (name, known)
        return Refused(refusal.status, refusal.code, said)


class _Keys:
    """Idempotency keys: the same for the n-th equal call of this execution, in whatever order threads and processes
    make their calls.

    Where processes cannot count together each counts its own: then only this container finds its children again.
    """

    def __init__(self, execution_id: str, earlier: Sequence[str]) -> None:
        """`earlier`: executions whose children count as those of this one, the newest first."""
        self._execution_id = execution_id
        self._earlier = earlier
        self._lock = threading.Lock()
        self._counts: Dict[str, int] = {}
        self._name = os.urandom(8).hex()  # of this process: numbers of processes come again

    def earlier(self, key: str) -> List[str]:
        """What the same call had as its key in earlier attempts."""
        return [key.replace(self._execution_id, execution_id) for execution_id in self._earlier]

    def next(self, call: str) -> str:
        digest = hashlib.sha256(call.encode()).hexdigest()[:32]
        count = tally.count(digest)
        if count is not None:
            return "%s-%s-%d" % (self._execution_id, digest, count)
        with self._lock:
            own = self._counts[digest] = self._counts.get(digest, 0) + 1
        return "%s-%s-%s-%d" % (self._execution_id, digest, self._name, own)


def whole(api: Api, result: Result, deadline: Deadline) -> Result:
    """With its output, however large, or why that cannot be read. Raises Unreachable, TimeoutError at the deadline."""
    if result.output_blob is None:
        return result
    with_output = importlib.import_module("control_plane.protocol.blobs").with_output
    return api.run(with_output(api.peer, result, deadline))  # type: ignore[no-any-return]


def earlier_executions(environment: Environment) -> List[str]:
    """Of the same invocation, the newest first, if their children are to be found again."""
    if not os.environ.get(RESUMES_CHILDREN):
        return []
    earlier: List[str] = []
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        execution_id = execution_id_of(environment.invocation_id, attempt)
        if execution_id == environment.execution_id:
            return earlier
        earlier.insert(0, execution_id)
    return []  # a control plane that names them in another way


def value_of(result: Result, *, is_text: bool | None) -> Any:
    """Raises InvocationFailed, Refused for one that does not exist, ControlPlaneError for an output that cannot be
    read, and NumberIsLost."""
    if result.outcome != SUCCEEDED:
        raise failure_of(result._asdict())
    if result.output_error is not None:
        raise result.output_error
    return output_value(result.output, is_text=is_text)


def outcome_of(result: Result, *, is_text: bool | None) -> Any:
    """The value, or the error, which is not raised. Raises NumberIsLost."""
    if result.output_error is not None:
        return result.output_error
    return value_of(result, is_text=is_text) if result.outcome == SUCCEEDED else failure_of(result._asdict())


def _is_text(callee: Function[..., Any] | Command | None) -> bool | None:
    return None if callee is None else isinstance(callee, Command)


@functools.lru_cache(maxsize=None)
def caller(_process_id: int) -> Caller:
    """A copy of the process has one of its own: somebody may have held the other's lock when it was made."""
    return Caller(Environment.from_variables(os.environ))
