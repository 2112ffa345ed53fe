"""What users' code does to its process, as pieces that programs are drawn from, and what becomes of each program.

A program is some deeds in a row, then one way to end. What it ends in follows from the end and, where it is told to
stop, from what the last deed made of SIGTERM.
"""

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st


class Sigterm(StrEnum):
    """What SIGTERM does by the time the program waits."""

    OURS = "Cancelled where the code is"
    IGNORED = "nothing"
    FATAL = "ends the process"
    RAISES = "an exception of the user's, SystemExit for example"
    NOTED = "a flag is set, and the wait ends"


@dataclass(frozen=True, slots=True)
class Deed:
    """`code`: lines of a function. `lingers`: a process that has reported does not end by itself. `harms_waiting`:
    without what it takes away a program cannot say that it waits. `comes_last`: nor do other deeds what they say."""

    name: str
    code: str
    sigterm: Sigterm | None = None
    lingers: bool = False
    harms_waiting: bool = False
    comes_last: bool = False

    def __repr__(self) -> str:
        return self.name


class Conduct(StrEnum):
    """What the end does with a SIGTERM that reaches the code."""

    NEVER_WAITS = "NEVER_WAITS"
    LETS_THROUGH = "LETS_THROUGH"
    SWALLOWS = "SWALLOWS"
    DEAF = "DEAF"  # it does nothing on it, and then is in a call of C code, which no signal interrupts


@dataclass(frozen=True, slots=True)
class End:
    """`report`: outcome, output and how the error message begins; None where the process is gone without one, for this
    `exit_reason`. Of those that wait, both are what a stop makes of it."""

    name: str
    code: str
    report: tuple[str, str | None, str | None] | None = None
    exit_reason: str | None = None
    update: str | None = None
    conduct: Conduct = Conduct.NEVER_WAITS

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Prediction:
    report: tuple[str, str | None, str | None] | None
    exit_reason: str | None
    update: str | None


@dataclass(frozen=True, slots=True)
class Program:
    deeds: tuple[Deed, ...]
    end: End

    @property
    def waits(self) -> bool:
        return self.end.conduct is not Conduct.NEVER_WAITS

    @property
    def lingers(self) -> bool:
        return any(deed.lingers for deed in self.deeds)

    @property
    def source(self) -> str:
        lines = [line for piece in (*(deed.code for deed in self.deeds), self.end.code) for line in piece.splitlines()]
        return _PRELUDE + "".join(f"    {line}\n" for line in lines)

    def predict(self) -> Prediction:
        if not self.waits:
            return Prediction(report=self.end.report, exit_reason=self.end.exit_reason, update=self.end.update)
        sigterm = next((deed.sigterm for deed in reversed(self.deeds) if deed.sigterm is not None), Sigterm.OURS)
        if self.end.conduct is Conduct.DEAF:
            sigterm = Sigterm.IGNORED
        if sigterm is Sigterm.FATAL:
            return _unreported("ended without a report when it was told to stop (exit code 143)")
        if sigterm is Sigterm.IGNORED:
            return _unreported("killed after the grace period: it was told to stop and did not end")
        output = '"tidied up"' if self.end.conduct is Conduct.SWALLOWS or sigterm is Sigterm.NOTED else None
        return Prediction(report=("ABORTED", output, None), exit_reason=None, update='"waiting"')


def _unreported(reason: str) -> Prediction:
    return Prediction(report=None, exit_reason=reason, update='"waiting"')


# `channel` is connected before anything is done, so that a program can say that it waits.
_PRELUDE = """
import atexit, http.client, json, os, resource, signal, subprocess, sys, threading, time
from urllib.parse import urlsplit

kept, noted = [], []
address = urlsplit(os.environ["MULTINODE_API_URL"])
channel = http.client.HTTPConnection(address.hostname, address.port)
channel.connect()
execution = "/projects/p/versions/ver-1/functions/%s/invocations/inv-p/executions/%s" % (
    os.environ["MULTINODE_FUNCTION_NAME"], os.environ["MULTINODE_EXECUTION_ID"])
key = os.environ["MULTINODE_API_KEY"]

def wait():
    channel.request("PUT", execution + "/update", body=json.dumps({"latest_output": '"waiting"'}),
                    headers={"Authorization": "Bearer " + key})
    channel.getresponse().read()
    while not noted:
        time.sleep(0.02)

def deaf():
    signal.signal(signal.SIGTERM, lambda *_: None)  # it may come before the call that does not hear it
    noted.append(1)
    wait()
    sum(range(10 ** 13))

def raise_error(*_):
    raise RuntimeError("from a handler")

def fork(end):
    child = os.fork()
    if child == 0:
        end()
        os._exit(0)
    try:
        os.waitpid(child, 0)
    except ChildProcessError:
        pass

def print_for_ever():
    while True:
        try:
            print("." * 50, end="")
        except (ValueError, OSError, AttributeError):
            pass
        time.sleep(0.01)

class Destroyed:
    def __del__(self):
        raise ValueError("in a destructor")

def f():
"""

CLOSE = (
    Deed("closes stdout", "try:\n    sys.stdout.close()\nexcept (OSError, AttributeError):\n    pass"),
    Deed("closes stderr", "try:\n    sys.stderr.close()\nexcept (OSError, AttributeError):\n    pass"),
    Deed("has no stdout", "sys.stdout = None"),
    Deed("closes the descriptor of stdout", "os.close(1) if os.path.exists('/proc/self/fd/1') else None"),
    Deed("closes the descriptor of stdin", "os.close(0) if os.path.exists('/proc/self/fd/0') else None"),
    Deed("closes all descriptors", "os.closerange(0, 256)", harms_waiting=True),
    Deed("writes to a full disk", "sys.stdout = open('/dev/full', 'w')\nsys.stdout.write('in a buffer')"),
    Deed("fills stderr", "sys.stderr = open('/dev/full', 'w')"),
)
FORK = (
    Deed("forks, and the child exits", "fork(lambda: sys.exit(3))"),
    Deed("forks, and the child raises", "fork(raise_error)"),
    Deed("forks, and the child is killed", "fork(lambda: os.kill(os.getpid(), 9))"),
    Deed(
        "forks, and the child returns",
        "child = os.fork()\nif child == 0:\n    return 'from the child'\nfork(lambda: None)",
    ),
    Deed("forks into the background", "fork(lambda: os.fork() or (os.setsid(), os._exit(0)))"),
    Deed("starts a program", "subprocess.run(['true'])"),
)
SIGNAL = (
    Deed("ignores SIGTERM", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", Sigterm.IGNORED),
    Deed("lets SIGTERM kill", "signal.signal(signal.SIGTERM, signal.SIG_DFL)", Sigterm.FATAL),
    Deed("exits on SIGTERM", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))", Sigterm.RAISES),
    Deed("raises on SIGTERM", "signal.signal(signal.SIGTERM, raise_error)", Sigterm.RAISES),
    Deed("notes SIGTERM", "signal.signal(signal.SIGTERM, lambda *_: noted.append(1))", Sigterm.NOTED),
    Deed("ignores SIGINT and its children", "signal.signal(signal.SIGINT, signal.SIG_IGN)"),
    Deed("reaps nothing", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"),
    Deed("gets a signal", "signal.signal(signal.SIGUSR1, lambda *_: None)\nos.kill(os.getpid(), signal.SIGUSR1)"),
)
THREAD = (
    Deed("starts a thread that prints", "threading.Thread(target=print_for_ever, daemon=True).start()"),
    Deed("starts a thread that raises", "threading.Thread(target=raise_error).start()"),
    Deed("starts a thread that exits", "threading.Thread(target=sys.exit).start()"),
    Deed("leaves a thread behind", "threading.Thread(target=threading.Event().wait).start()", lingers=True),
)
EXIT = (
    Deed("raises at exit", "atexit.register(raise_error)"),
    Deed("ends the process at exit", "atexit.register(os._exit, 7)"),
    Deed("waits at exit", "atexit.register(threading.Event().wait)", lingers=True, comes_last=True),
    Deed("swallows an exit", "try:\n    sys.exit(5)\nexcept SystemExit:\n    pass"),
)
SWALLOW = (
    Deed("swallows an error", "try:\n    1 / 0\nexcept Exception:\n    pass"),
    Deed("has an error in a destructor", "kept.append(Destroyed())\nkept.clear()"),
    Deed("replaces what tells errors", "sys.excepthook = threading.excepthook = sys.unraisablehook = raise_error"),
)
PRINT = (
    Deed("prints", "try:\n    print('a line')\nexcept (ValueError, OSError):\n    pass"),
    Deed("prints without an end", "try:\n    print('50 %\\r60 %', end='')\nexcept (ValueError, OSError):\n    pass"),
    Deed("writes what is no text", "try:\n    os.write(1, b'\\xff\\0\\x1b[2J')\nexcept OSError:\n    pass"),
)
LEAK = (
    Deed(
        "leaks descriptors",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))\n"
        "try:\n    while True:\n        kept.append(open('/dev/null'))\nexcept OSError:\n    pass",
        comes_last=True,
    ),
    Deed("leaks memory", "kept.append(bytearray(30_000_000))"),
    Deed("empties its environment", "os.environ.clear()"),
    Deed("leaves hardly a stack", "sys.setrecursionlimit(60)"),
)
DEEDS = (*CLOSE, *FORK, *SIGNAL, *THREAD, *EXIT, *SWALLOW, *PRINT, *LEAK)

_GONE = "exited without a result"
ENDS = (
    End("returns", "return {'ok': True}", ("SUCCEEDED", '{"ok": true}', None)),
    End("returns nothing", "return None", ("SUCCEEDED", None, None)),
    End("returns what is no JSON", "return [float('nan')]", ("FAILED", None, "The output cannot be written as JSON: ")),
    End("yields", "yield 1\nyield 2", ("SUCCEEDED", "null", None), update="2"),
    End("yields and raises", "yield 1\nraise ValueError('late')", ("FAILED", None, "ValueError: late"), update="1"),
    End("raises", "raise ValueError('boom')", ("FAILED", None, "ValueError: boom")),
    End("exits", "sys.exit(0)", ("FAILED", None, "SystemExit: 0")),
    End("interrupts itself", "raise KeyboardInterrupt", ("FAILED", None, "KeyboardInterrupt: ")),
    End(
        "forgets an alarm",
        "signal.signal(signal.SIGALRM, raise_error)\nsignal.setitimer(signal.ITIMER_REAL, 0.02)\nreturn 1",
        ("SUCCEEDED", "1", None),
    ),
    End("ends the process", "os._exit(0)", exit_reason=_GONE),
    End("ends the process with a code", "os._exit(3)", exit_reason="exit code 3"),
    End("becomes another program", "os.execv('/bin/sh', ['sh', '-c', 'exit 4'])", exit_reason="exit code 4"),
    End("kills itself", "os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(60)", exit_reason="killed by SIGKILL"),
    End("gets a signal without a name", "os.kill(os.getpid(), 40)\ntime.sleep(60)", exit_reason="killed by signal 40"),
    End("aborts", "os.abort()", exit_reason="killed by SIGABRT"),
    End("waits", "wait()\nreturn 'tidied up'", conduct=Conduct.LETS_THROUGH),
    End(
        "waits and swallows the stop",
        "try:\n    wait()\nexcept BaseException:\n    pass\nreturn 'tidied up'",
        conduct=Conduct.SWALLOWS,
    ),
    End("waits in C", "deaf()", conduct=Conduct.DEAF),
)


def programs() -> st.SearchStrategy[Program]:
    """Each end as likely as the others, after up to five deeds. They shrink to few and plain ones."""
    deeds = st.lists(st.sampled_from(DEEDS), max_size=5).map(in_order)
    drawn = st.builds(Program, deeds, st.sampled_from(ENDS))
    return drawn.filter(lambda program: not program.waits or not any(deed.harms_waiting for deed in program.deeds))


def in_order(deeds: list[Deed]) -> tuple[Deed, ...]:
    return tuple(sorted(deeds, key=lambda deed: deed.comes_last))
