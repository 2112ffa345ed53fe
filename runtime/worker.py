"""The life of a container: fetch the execution, do its work, report how it ended."""

from __future__ import annotations

import importlib
import sys
import traceback

from runtime import calls, functions
from runtime.api import Api
from runtime.environment import Environment
from runtime.executions import Execution, ExecutionClient
from runtime.progress import ExecutionIsGone, Progress
from runtime.reports import PlainFailure, Report, failed
from runtime.termination import InvocationInterrupted, Termination


def run(environment: Environment) -> int:
    """The exit code. Raises Refused, Unreachable and ExecutionIsGone where nothing could be reported.

    Until the execution has been fetched, SIGTERM ends the process without a word; from then on a report answers it.
    """
    client = ExecutionClient(Api(environment.api_url, environment.api_key), environment)
    execution = client.get()
    termination = Termination(execution.deadline)
    termination.install()
    client.start()
    progress = Progress(client.update)
    report = _work(environment, execution, termination, progress)
    sys.stdout.flush()
    progress.close()
    client.finish(report)
    termination.uninstall()
    return report.exit_code


def _work(environment: Environment, execution: Execution, termination: Termination, progress: Progress) -> Report:
    """A stop that was asked for makes the outcome ABORTED, however the user's code answered it."""
    try:
        output = _output(environment, execution, termination, progress)
    except ExecutionIsGone:
        raise
    except InvocationInterrupted:
        return Report("ABORTED")
    except BaseException as error:
        _print_traceback(error)
        return Report("ABORTED") if termination.is_requested else failed(_describe(error))
    return Report("ABORTED" if termination.is_requested else "SUCCEEDED", output)


def _output(environment: Environment, execution: Execution, termination: Termination, progress: Progress) -> str | None:
    if environment.command is not None:
        # Few functions are commands; what running one takes need not be imported for the others.
        commands = importlib.import_module("runtime.commands")
        output: str = commands.run(environment.command, execution.input, termination=termination)
        return output
    with termination.delivery():
        function = functions.load(environment.function_name)
    arguments = functions.arguments_of(execution.input)
    return calls.call(function, arguments, termination=termination, progress=progress)


def _describe(error: BaseException) -> str:
    if isinstance(error, PlainFailure):
        return str(error)
    try:
        text = str(error)
    except Exception as nested:  # the user's own __str__, which must not cost us the report
        text = "(its text raised %s)" % type(nested).__name__
    return "%s: %s" % (type(error).__name__, text)


def _print_traceback(error: BaseException) -> None:
    """What went wrong in the user's code; of a failure that we describe ourselves only what led to it."""
    if isinstance(error, PlainFailure):
        sys.stderr.write("%s\n" % error)
    shown = error.__cause__ if isinstance(error, PlainFailure) else error
    if shown is not None:
        traceback.print_exception(type(shown), shown, shown.__traceback__)
