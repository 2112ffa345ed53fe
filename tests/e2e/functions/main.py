"""Functions of the end-to-end tests. They meet the test through files, whose paths are arguments."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import control_plane as cp

if "EXIT_AT_IMPORT" in os.environ:
    print("importing", flush=True)
    os._exit(int(os.environ["EXIT_AT_IMPORT"]))


def double(number):
    print(f"doubling {number}")
    return 2 * number


def note_and_hold(notes, release):
    """Notes that it runs, then waits to be released."""
    _note(notes)
    while not Path(release).exists():
        time.sleep(0.02)
    return len(Path(notes).read_text().splitlines())


def fail_at_first(notes, failures):
    """Fails as often as asked, then says how often it ran."""
    runs = _note(notes)
    if runs <= failures:
        raise ValueError(f"run {runs}")
    return runs


def die(code):
    os._exit(code)


def take_memory(mib):
    """And write to it, so that it is taken for real."""
    return len([bytearray(b"x" * 1_048_576) for _ in range(mib)])


def report_progress(steps, notes, release):
    for step in range(1, steps + 1):
        yield {"step": step}
        note_and_hold(notes, f"{release}-{step}")


def _note(notes):
    with open(notes, "a") as file:
        file.write(f"{os.getpid()}\n")
    return len(Path(notes).read_text().splitlines())


def call_and_wait(notes, release, depth):
    """A chain of invocations, `depth` deep, the last of which holds."""
    if depth == 0:
        return note_and_hold(notes, release)
    arguments = {"notes": notes, "release": release, "depth": depth - 1}
    return cp.submit("call_and_wait", **arguments).result()


def call_and_hold(notes, release):
    """The oldest of such a chain, which does not look at what comes of it."""
    cp.submit("call_and_wait", notes=notes, release=release, depth=1)
    return note_and_hold(notes, release)


def clean_up_when_stopped(notes, seconds):
    """Reports what it did in its grace period."""
    try:
        note_and_hold(notes, "/nonexistent")
    except cp.Stopped as interruption:
        yield type(interruption).__name__
        time.sleep(seconds)
        yield "cleaned up"
        raise


def ignore_the_stop(notes):
    """Goes on whatever it is told."""
    while True:
        try:
            note_and_hold(notes, "/nonexistent")
        except cp.Stopped:
            continue


def finish_but_linger():
    threading.Thread(target=time.sleep, args=(3_600,)).start()
    return "done"


def every_type():
    """Nested as well."""
    import results

    return {"values": results.VALUES, "nested": [(results.Row([value]),) for value in results.VALUES.values()]}


def unreadable(kind):
    import results

    return results.UNREADABLE[kind][0]


@cp.function
def triple(number: int) -> int:
    return 3 * number


@cp.function(retries=1)
def refuse(text: str) -> None:
    raise ValueError(text)


@cp.function
def count_up(to: int):
    for number in range(1, to + 1):
        yield number
        time.sleep(1)
    return "counted"


def call_others(numbers):
    """What comes of each way to call them."""
    yield {"attempt": cp.current().attempt, "invocation": cp.current().invocation_id}
    found = {
        "in order": list(triple.map(numbers)),
        "as they end": sorted(triple.map(numbers, ordered=False)),
        "gathered": cp.gather(*[triple.submit(number) for number in numbers]),
    }
    try:
        cp.submit("tripel")
    except cp.Refused as error:
        found["unknown"] = str(error)
    counting = count_up.submit(2)
    found["progress"] = [*counting.progress()]
    found["after it"] = [counting.result(), *counting.progress(follow=False)]
    call = refuse.submit("no good")
    try:
        call.result()
    except cp.InvocationFailed as error:
        found["failure"] = [error.type, error.message, error.attempt, call.status()]
        found["traceback"] = error.traceback
    return found


def echo_text(text):
    return text


def echo_by_child(text):
    """What is too long for a request, to a child and back."""
    return cp.submit("echo_text", text).result()


def keep_files(size):
    for content in ("old", "x" * size):
        Path("kept.txt").write_text(content)
        cp.artifacts.put("kept.txt")
    cp.artifacts.put("kept.txt", name="again.txt")


def give_up(notes):
    _note(notes)
    raise cp.DoNotRetry("no other attempt would help")


def go_on_with_megabytes():
    """Fails after it has saved, by attempts, something long and something longer."""
    saved = cp.checkpoint.load("")
    if len(saved) < 6_000_000:
        cp.checkpoint.save(saved + "ä" * 3_000_000)
        raise ValueError("go on")
    return [len(saved), saved.count("ä")]


def go_on_where_it_was(notes, failures):
    """Fails after each step as often as asked."""
    done = cp.checkpoint.load([])
    _note(notes)
    done.append(len(done) + 1)
    cp.checkpoint.save(done)
    if len(done) <= failures:
        raise ValueError(f"after step {len(done)}")
    return {"done": done, "attempt": cp.current().attempt}


def ask_database():
    """What the environment asks of the database whose address is a secret."""
    import postgres

    return int(postgres.ask(os.environ["DATABASE_URL"], os.environ["QUESTION"]))


def length_of_secret():
    return len(os.environ["SECRET"])


def hold_with_a_child(notes, release):
    """The child of the user's code has the secret in its environment, as whoever starts one wants it to."""
    with subprocess.Popen(["sleep", "3600"]) as child:
        note_and_hold(notes, release)
        child.kill()
    return length_of_secret()


def fail_with_secret():
    value = os.environ["SECRET"]
    raise ValueError(f"no good: {len(value)} characters")


def call_and_fail(notes, release):
    """Awaits three children that hold, and two of a map. Its first attempt is killed while the three run, the second
    fails after all of them."""
    held = [cp.submit("note_and_hold", notes=notes, release=release) for _ in range(3)]
    if cp.current().attempt == 1:
        while not Path(notes).exists() or len(Path(notes).read_text().splitlines()) < 3:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGKILL)
    Path(release).touch()
    mapped = list(triple.map([1, 2]))
    cp.gather(*held)
    if cp.current().attempt == 2:
        raise ValueError("after its children")
    return mapped


def say(number: int, lines: int) -> int:
    """Beside its own lines, a thread goes on writing after it."""
    threading.Thread(target=_make_noise, daemon=True).start()
    for line in range(lines):
        os.write(1, f"{number}: line {line}\n".encode())
        os.write(2, f"{number}: warning {line}\n".encode())
    return number


def _make_noise() -> None:
    for _ in range(100):
        os.write(1, b"noise of a library\n")
        time.sleep(0.05)
