"""The life of a container: start the execution, do its work, report how it ended. A plain one takes two requests.

Nothing that the user's code has made of its process keeps the report back: the report comes before all else that is
still to be done. A copy of the process does nothing of that; it ends as any process does.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import sys
import time
import traceback
from typing import Any, Callable, Dict, Iterator

from control_plane.container import calls, functions, streams, tally
from control_plane.container.api import Api
from control_plane.container.environment import LAUNCH, RESUMES_CHILDREN, Environment
from control_plane.container.executions import Execution, ExecutionClient, Start, document_of
from control_plane.container.progress import ExecutionIsGone, Progress
from control_plane.container.reports import (
    MAX_OUTPUT_LENGTH,
    NO_RESULT,
    TERMINATED,
    Output,
    PlainFailure,
    Report,
    failed,
)
from control_plane.container.reserve import Reserve
from control_plane.container.termination import Termination
from control_plane.container.transport import Exhausted
from control_plane.errors import Refused, Stopped, Unreachable
from control_plane.user_tracebacks import whole_traceback_of

# For `control_plane.current()`, also in processes that the code starts.
_DEADLINE = "CONTROL_PLANE_DEADLINE"
_SCHEDULED_TIME = "CONTROL_PLANE_SCHEDULED_TIME"
_RECURSION_LIMIT = 1_000  # as Python begins
_STOP_PATIENCE_SECONDS = 5.0
FIRST_CONTACT_SECONDS = 120.0  # each of them is billed, and an address that was never right rarely becomes it


class ApiWasNotReached(Exception):
    """The execution was not started, as the API could not be asked. The text says what was tried."""


HandOver = Callable[[Dict[str, Any]], bool]


def run(environment: Environment, hand_over: HandOver | None = None) -> int:
    """The exit code. `hand_over`: takes the report, in place of the API, and says whether it has. Raises Refused,
    Unreachable and ExecutionIsGone where nothing could be reported, ApiWasNotReached where nothing was begun.

    Until the execution is started, SIGTERM ends the process without a word; from then on a report answers it.
    """
    process_id = os.getpid()
    api = Api(
        environment.api_url,
        environment.api_key,
        first_contact_seconds=FIRST_CONTACT_SECONDS,
        keeps_connection=True,
    )
    client = ExecutionClient(api, environment)
    reserve = Reserve()
    tally.open_tally()
    termination = Termination()
    termination.install()
    execution, interruption = _started(client, environment, termination)
    if environment.command is None and interruption is None:
        termination.show_stacks()
    os.environ[_DEADLINE] = str(execution.deadline)
    _tell(_SCHEDULED_TIME, execution.scheduled_time)
    _tell(LAUNCH, execution.launch)
    _tell(RESUMES_CHILDREN, 1 if execution.resumes_children else None)
    progress = Progress(client.update)
    output = Output(None)
    failure: BaseException | None = None
    try:
        try:
            if interruption is not None:
                raise interruption
            termination.begin_code()
            output = _output(client, environment, execution, termination, progress)
        finally:
            reserve.release()
            if os.getpid() == process_id:
                termination.shield()
    except BaseException as error:
        failure = error
    if os.getpid() != process_id:
        return _end_of_copy(failure)
    termination.shield()  # once more: a signal may have come in its midst
    _make_room(failure)
    try:
        report = _report_of(client, execution, termination, progress, output=output, failure=failure)
        document = document_of(report)
        if hand_over is None or not hand_over(document):
            client.finish(document)
    finally:
        streams.flush()
        if failure is not None and not isinstance(failure, Stopped):
            _print_traceback(failure)
        api.transport.close()
        termination.uninstall()
    # A container that was told to end takes nothing more, though its module has heard that and gone on.
    return TERMINATED if termination.has_reached_module else report.exit_code


def _started(
    client: ExecutionClient, environment: Environment, termination: Termination
) -> tuple[Execution, Stopped | None]:
    """And what came before the answer, in place of which nothing of the user's is to be run.

    Raises Refused, Exhausted, ApiWasNotReached.
    """
    interruption = None
    sent = time.monotonic()
    try:
        with _before_the_start(), termination.delivery():
            start = client.start()
    except Stopped as stopped:
        interruption = stopped
        start = _started_nevertheless(environment, termination)
    execution = start.execution
    began = time.monotonic() if start.is_repeat else sent
    seconds = math.inf if execution.attempt_timeout is None else execution.attempt_timeout
    termination.limit(deadline=execution.deadline, attempt_end=began + seconds)
    return execution, interruption


def _started_nevertheless(environment: Environment, termination: Termination) -> Start:
    """To report the stop. Ends the process where that is not to be had soon, or the first try has been carried out: it
    may as well be another container that has started."""
    api = Api(environment.api_url, environment.api_key, patience_seconds=_STOP_PATIENCE_SECONDS)
    try:
        return ExecutionClient(api, environment).start()
    except (Refused, Unreachable):
        termination.uninstall()
        raise  # the first process of a container is not ended by its own SIGTERM


@contextlib.contextmanager
def _before_the_start() -> Iterator[None]:
    """Raises ApiWasNotReached in place of Unreachable, unless it is this process that cannot ask."""
    try:
        yield
    except Exhausted:
        raise
    except Unreachable as error:
        raise ApiWasNotReached(str(error)) from error


def _tell(name: str, number: int | None) -> None:
    """This process, and those that the user's code starts."""
    os.environ.pop(name, None)
    if number is not None:
        os.environ[name] = str(number)


def _output(
    client: ExecutionClient,
    environment: Environment,
    execution: Execution,
    termination: Termination,
    progress: Progress,
) -> Output:
    """Of the function, as JSON, or of the command."""
    if execution.has_secrets:
        importlib.import_module("control_plane.container.secrets").set_secrets(client)
    if environment.command is not None:
        # Few functions are commands; what running one takes need not be imported for the others.
        commands = importlib.import_module("control_plane.container.commands")
        return commands.run(environment.command, execution, termination=termination, blobs=client.blobs)  # type: ignore[no-any-return]
    with termination.delivery():
        function = functions.load(environment.function_name)
    text = execution.input if execution.input_blob is None else client.blobs().input_text(execution.input_blob)
    arguments = functions.arguments(text, function)
    del text, execution  # which may be large
    process_id = os.getpid()
    output = calls.call(function, arguments, termination=termination, progress=progress)
    if output is None or len(output) <= MAX_OUTPUT_LENGTH or os.getpid() != process_id:  # a copy reports nothing
        return Output(output)
    return Output(None, client.blobs().put_output(output))


def _end_of_copy(failure: BaseException | None) -> int:
    """Raises what its code has raised, SystemExit for example."""
    if failure is not None:
        raise failure
    return 0


def _make_room(failure: BaseException | None) -> None:
    """For what a report needs."""
    streams.open_missing()
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION_LIMIT))
    if isinstance(failure, MemoryError):
        traceback.clear_frames(failure.__traceback__)  # what fills the memory is in the variables of the user's code


def _report_of(
    client: ExecutionClient,
    execution: Execution,
    termination: Termination,
    progress: Progress,
    *,
    output: Output,
    failure: BaseException | None,
) -> Report:
    """A stop that reached the user's code makes the outcome ABORTED, however the code answered it."""
    if isinstance(failure, ExecutionIsGone):
        raise failure
    report = (
        Report("SUCCEEDED", output.text, output_blob=output.blob)
        if failure is None
        else failed(failure, no_retry_on=execution.no_retry_on)
    )
    undelivered = progress.close()
    if report.output is None and report.output_blob is None and undelivered is not None:
        report = report._replace(output=undelivered)
    was_stopped = termination.has_reached_code or isinstance(failure, Stopped)
    if was_stopped or (termination.may_have_reached_code and client.get().must_stop):
        report = Report("ABORTED", None if report.output == NO_RESULT else report.output)
    return report


def _print_traceback(error: BaseException) -> None:
    """What went wrong in the user's code; of a failure that we describe ourselves only what led to it."""
    if isinstance(error, PlainFailure):
        streams.write_error("%s\n" % error)
    shown = error.__cause__ if isinstance(error, PlainFailure) else error
    if shown is None:
        return
    streams.write_error(whole_traceback_of(shown))
