"""What newcomers do wrong: one line, which says what to do."""

from pathlib import Path

import pytest
from control_plane.access.local_stacks import StackAccess
from control_plane.access.server import Server
from control_plane.cli.session import PATIENCE
from control_plane.client.connections import AsyncConnection

from tests.cli.stacks import Ports
from tests.cli.terminal import Terminal

_DECLARED = "from control_plane import function\n\n@function\ndef greet(name='world'): return name\n"
_INVOCATION = "inv-" + 32 * "0"


@pytest.fixture(scope="module")
async def project(home: Path) -> str:
    _folder(home, "right", _DECLARED)
    await Terminal(home).succeed("deploy", "right")
    return "right"


def _folder(home: Path, name: str, main: str | None) -> str:
    (home / name).mkdir(exist_ok=True)
    if main is not None:
        (home / name / "main.py").write_text(main)
    return name


async def test_no_server(tmp_path: Path) -> None:
    run = await Terminal(tmp_path).run("list")
    assert run.exit_code == 1
    assert run.complaint.startswith("there is no server; start one on this machine with: control-plane dev")


async def test_server_does_not_answer(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{Ports.free().api}"
    run = await Terminal(tmp_path, CONTROL_PLANE_API_URL=url, CONTROL_PLANE_API_KEY="k").run("list")
    assert run.exit_code == 1
    assert run.complaint.startswith(f"{url} (of CONTROL_PLANE_API_URL) does not answer: ")
    assert run.complaint.endswith("is it running?")


async def test_no_key(tmp_path: Path) -> None:
    run = await Terminal(tmp_path).run("list", "--api-url", "http://127.0.0.1:1")
    assert run.complaint.startswith("there is no key for http://127.0.0.1:1; run: control-plane login")


async def test_address_is_none(tmp_path: Path) -> None:
    run = await Terminal(tmp_path).run("list", "--api-url", "localhost:5000")
    assert run.exit_code == 2
    assert run.complaint.startswith("'localhost:5000' is no address of a server")


async def test_wrong_key(terminal: Terminal, access: StackAccess) -> None:
    run = await terminal.with_environment(CONTROL_PLANE_API_KEY="wrong").run("list")
    assert run.exit_code == 1
    assert run.complaint.startswith(f"{access.api_url} refuses the API key (of CONTROL_PLANE_API_KEY)")


async def test_key_that_no_key_can_be(terminal: Terminal) -> None:
    run = await terminal.with_environment(CONTROL_PLANE_API_KEY="schlüssel").run("list")
    assert run.complaint == "the API key (of CONTROL_PLANE_API_KEY) holds characters that no key has; set it anew"


async def test_something_else_answers(terminal: Terminal, access: StackAccess) -> None:
    assert access.web_ui_url is not None
    other = terminal.with_environment(CONTROL_PLANE_API_URL=access.web_ui_url, CONTROL_PLANE_API_KEY="k")
    assert "and is no control plane" in (await other.run("list")).complaint


@pytest.mark.parametrize(
    ("name", "main", "complaint"),
    [
        ("no-main", None, "There is no main.py in "),
        ("nothing-declared", "def greet(): ...\n", "main.py declares no function; "),
        ("raises", _DECLARED + "1 / 0\n", "main.py:5: ZeroDivisionError: division by zero; "),
        ("no-module", "import nowhere\n" + _DECLARED, "main.py:1: ModuleNotFoundError: "),
        ("no-python", "def\n", "main.py:1: SyntaxError: "),
        (
            "limits",
            _DECLARED.replace("@function", "@function(cpus=0)"),
            "function 'greet': virtual_cpus must be positive",
        ),
    ],
)
async def test_folder_that_cannot_be_deployed(terminal: Terminal, name: str, main: str | None, complaint: str) -> None:
    run = await terminal.run("deploy", _folder(terminal.home, name, main))
    assert run.exit_code == 1
    assert run.complaint.startswith(complaint)


async def test_folder_that_is_not_there(terminal: Terminal) -> None:
    assert (await terminal.run("deploy", "nowhere")).complaint.startswith("there is no folder ")


async def test_folder_with_a_module_of_our_name(terminal: Terminal) -> None:
    (terminal.home / _folder(terminal.home, "clash", _DECLARED) / "control_plane.py").touch()
    assert (await terminal.run("deploy", "clash")).complaint.endswith("give it another name")


async def test_what_main_prints_is_shown(terminal: Terminal) -> None:
    run = await terminal.run("deploy", _folder(terminal.home, "chatty", "print('loading')\n1 / 0\n"))
    assert run.stderr.splitlines()[0] == "loading"
    assert run.stderr.splitlines()[1].startswith("control-plane: main.py:2: ZeroDivisionError")


async def test_folder_for_a_server_elsewhere(terminal: Terminal, project: str) -> None:
    far = terminal.with_environment(CONTROL_PLANE_API_URL="https://example.com", CONTROL_PLANE_API_KEY="k")
    run = await far.run("deploy", project)
    assert run.exit_code == 2
    assert run.complaint == "https://example.com runs images: name one with --image, or make one with --build"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("describe", "nobody"), "there is no project 'nobody'; there "),
        (("invoke", "nobody", "greet"), "there is no project 'nobody'; there "),
        (("undeploy", "nobody"), "there is no project 'nobody'; there "),
        (("list", "nobody"), "there is no project 'nobody'; there "),
        (("describe", _INVOCATION), f"there is no invocation {_INVOCATION}; list them with: "),
        (("logs", "inv-000000"), "there is no invocation whose id begins with inv-000000; list them with: "),
        (("invoke", "right", "great"), "project 'right' has no function 'great'; there is: greet"),
        (("describe", "right/great"), "project 'right' has no function 'great'; there is: greet"),
        (("list", "right", "--function", "great"), "project 'right' has no function 'great'; there is: greet"),
        (("list", "--batch", "bat-" + 32 * "0"), "there is no batch bat-" + 32 * "0"),
        (("failures", "right/great"), "project 'right' has no function 'great'; there is: greet"),
        (("list", "right/great"), "project 'right' has no function 'great'; there is: greet"),
        (("describe", "right@ver-0"), "project 'right' has no version 'ver-0'; "),
        (("rollback", "right", "ver-0"), "project 'right' has no version 'ver-0'; "),
        (("rollback", "right"), "project 'right' has no version before its latest; "),
        (("logs", f"right/greet/{_INVOCATION}"), f"function right/greet has no invocation '{_INVOCATION}'; "),
        (("cancel", f"right/greet/{_INVOCATION}"), f"function right/greet has no invocation '{_INVOCATION}'; "),
    ],
)
async def test_what_is_not_there(terminal: Terminal, project: str, words: tuple[str, ...], complaint: str) -> None:
    run = await terminal.run(*words)
    assert run.exit_code == 1
    assert run.complaint.startswith(complaint)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("invoke", "right", "greet", "Ada"), "the input is no JSON (Expecting value: line 1 column 1 (char 0)); "),
        (("invoke", "right", "greet", "name=Ada", "Bob"), "the input must be one word; "),
        (("invoke", "right", "greet", "@nowhere"), "the input file nowhere cannot be read: No such file or directory"),
        (
            ("logs", "right/greet"),
            "'right/greet' must look like PROJECT/FUNCTION/INVOCATION, or be an invocation's id, ",
        ),
        (("invoke", "right"), "name the function, too: control-plane invoke right FUNCTION"),
        (("map", "right/greet"), "name one source of inputs: @FILE, "),
        (("list", "right", "--status", "broken"), "there is no 'broken'; there are running, ended, succeeded, "),
        (("list", "right", "--status", "queued"), "there is no 'queued'; there are running, ended, succeeded, "),
        (("list", "--failed", "--since", "2h"), "of which project? control-plane list PROJECT; "),
        (("list", "--projects", "--function", "greet"), "of which project? control-plane list PROJECT; "),
        (("list", "right/greet", "--function", "great"), "'right/greet' and --function great name two functions; "),
        (("list", "--batch", "bat-1"), "'bat-1' is no batch's id, "),
        (("list", "right", "--since", "yesterday"), "'yesterday' is no moment; write so long ago (90s, "),
        (("describe", "right", "--input"), "'right' is no invocation, which alone has an input, a result and a tree"),
        (("undeploy", "right@latest", "--yes"), "undeploy takes a project with all its versions, and 'right@latest' "),
        (("failures", "right@latest"), "failures are of all versions together; those of one: "),
        (("failures", "right@ver-" + 32 * "0"), "failures are of all versions together; those of one: "),
        (("replay", "right"), "say what is to run once more: "),
        (("replay", "inv-123456", "--failed"), "ids say which invocations are meant; "),
        (("replay", "right", "--tag", "night"), "--tag 'night' must look like KEY=VALUE"),
        (("undeploy", "right"), "this deletes project right with all its invocations"),
        (("init", ""), "the folder needs a name: control-plane init NAME"),
        (("init", "--", "-x"), "'-x' would be read as an option; choose another name"),
        (("deploy", "right", "--project", "-x"), "'-x' would be read as an option; choose another name with --project"),
        (("deploy", "right", "--project", "a@latest"), "'a@latest' would be read as a version of a project; "),
        (("deploy", "right", "--project", "inv-1a2b3c"), "'inv-1a2b3c' would be read as an id; "),
        (("deploy", "right", "--project", "a\x1bb"), r"'a\x1bb' has a character that cannot be typed ('\x1b'); "),
        (("deploy", "right/main.py", "--module", "main"), "main.py is a module already; "),
        (("describe", "a/b/c/d"), "'a/b/c/d' must look like PROJECT/FUNCTION/INVOCATION"),
        (("versions", "a/b"), "'a/b' must look like PROJECT"),
        (("deploy", "right", "--project", "a@ver-b"), "'a@ver-b' would be read as a version of a project; "),
        (("deploy", "right", "--project", ".."), "'..' is no name for a project; "),
        (("deploy", "right", "--project", ""), "'' is no name for a project; "),  # of a variable that is not set
        (("deploy", "right", "--project", "a/b"), "'a/b' is no name for a project; "),
        (("deploy", "right", "--image", "x:1", "--build"), "--image and --build exclude each other"),
        (("deploy", "/"), "the folder has no name; name the project with --project"),
        (("deploy", "right", "--build"), "this stack runs folders, not images; leave --build away"),
    ],
)
async def test_what_makes_no_sense(terminal: Terminal, project: str, words: tuple[str, ...], complaint: str) -> None:
    run = await terminal.run(*words)
    assert run.exit_code == 2
    assert run.complaint.startswith(complaint)


async def test_project_without_versions(terminal: Terminal, access: StackAccess) -> None:
    """A deployment that is refused leaves none."""
    await terminal.run("deploy", _folder(terminal.home, "limits", _DECLARED), "--image", 2_000 * "x")
    assert (await terminal.run("invoke", "limits", "greet")).complaint.startswith("there is no project 'limits'")
    server = Server(api_url=access.api_url, api_key=access.api_key, found_in="the test", key_found_in="the test")
    async with AsyncConnection(server, PATIENCE) as connection:
        await connection.run(connection.api.ensure_project("limits"))
    run = await terminal.run("invoke", "limits", "greet")
    assert run.complaint.startswith("project 'limits' has no version yet; make one with: control-plane deploy")


async def test_image_that_cannot_be_prepared(terminal: Terminal, project: str) -> None:
    mistake = ("deploy", project, "--project", "imageless", "--image", "python:3.13")
    complaints = []
    for _ in range(2):
        run = await terminal.run(*mistake)
        assert run.exit_code == 1
        complaints.append(run.stderr.splitlines()[-1])
        await terminal.succeed("deploy", project, "--project", "imageless")
    for complaint in complaints:
        assert complaint.startswith("control-plane: greet cannot be prepared: The image must name a folder")
    assert complaints[0].endswith(" is refused, and there is no other")
    versions = (await terminal.succeed("versions", "imageless")).lines[1:]
    ids, marks = [line.split()[0] for line in versions], [line.split()[1:-3] for line in versions]
    assert marks == [["ready", "latest"], ["refused"], ["ready"], ["refused"]]
    assert complaints[1].endswith(f"version {ids[1]} is refused, latest stays {ids[2]}")
    await terminal.succeed("rollback", "imageless")
    rolled_back, *_ = (await terminal.succeed("versions", "imageless")).lines[1:]
    assert rolled_back.split()[1:-3] == ["ready", "latest"], "to the one before that was not refused"


async def test_too_long_an_input(terminal: Terminal, project: str) -> None:
    run = await terminal.run("invoke", project, "greet", "-", stdin='"' + 1_000_000 * "x" + '"')
    assert run.complaint == "the input from stdin is too long; put it into a file, and give @FILE"
