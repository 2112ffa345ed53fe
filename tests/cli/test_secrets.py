"""`control-plane secrets`, and a deployment with a file of variables."""

import os
from pathlib import Path

import pytest

from tests.cli.stacks import clean_environment
from tests.cli.terminal import CONTROL_PLANE, Terminal

MAIN = """
import os
import control_plane as cp

@cp.function(secrets={"DATABASE_URL": "billing-db"}, environment={"MODE": "slow"})
def bill() -> list[str]:
    return [os.environ[name] for name in ("DATABASE_URL", "MODE", "LEVEL")]
"""


async def test_set_deployed_and_unset(terminal: Terminal, home: Path) -> None:
    (home / "billing").mkdir()
    (home / "billing" / "main.py").write_text(MAIN)
    (home / "variables").write_text("MODE=fast\nLEVEL=3\nDATABASE_URL=http://\n")
    (home / "value").write_text("from a file\n")

    refused = await terminal.run("secrets", "set", "billing", "billing-db", "@value")
    assert refused.complaint.startswith("there is no project 'billing'; --create-project makes it")
    words = ("secrets", "set", "billing", "billing-db")
    piped = await terminal.run(*words, "--create-project", stdin="from a pipe \n")
    assert (piped.exit_code, piped.stdout, "from a pipe" in piped.stderr) == (0, "", False)
    listed = await terminal.succeed("secrets", "list", "billing", "--json")
    assert [secret["secret_name"] for secret in listed.document["secrets"]] == ["billing-db"]

    await terminal.succeed("deploy", "billing", "--env-file", "variables")
    called = await terminal.succeed("invoke", "billing", "bill", "--wait")
    assert called.document == ["from a pipe ", "slow", "3"]
    await terminal.succeed(*words, "@value")
    assert (await terminal.succeed("invoke", "billing", "bill", "--wait")).document[0] == "from a file"
    described = (await terminal.succeed("describe", "billing/bill")).stdout
    assert ("LEVEL, MODE" in described, "slow" in described) == (True, False)

    rotated = await terminal.succeed("secrets", "rotate", "--json")
    assert rotated.document == {"rotated": 0, "unreadable": 0}
    unset = await terminal.succeed("secrets", "unset", "billing", "billing-db")
    assert "The latest version names it in bill: that fails until it is set again." in unset.stderr
    gone = await terminal.run("secrets", "unset", "billing", "billing-db")
    assert gone.complaint.startswith("project 'billing' has no secret 'billing-db'; list them with: ")


@pytest.mark.parametrize(
    ("words", "stdin", "complaint"),
    [
        (("set", "billing", "name", "planted"), "", "the value is no argument, which others could see; "),
        (("set", "billing", "name"), "", "the value is empty; nothing was set"),
        (("set", "billing", "name"), "x" * 65_537, "the value from stdin has more than the 65,536 bytes"),
        (("set", "billing", "name", "@nowhere"), "", "the file nowhere cannot be read: No such file"),
        (("set", "name"), "1", "name the project: control-plane secrets set PROJECT NAME"),
    ],
)
async def test_mistakes(terminal: Terminal, words: tuple[str, ...], stdin: str, complaint: str) -> None:
    run = await terminal.run("secrets", *words, stdin=stdin)
    assert run.exit_code == 2
    assert run.complaint.startswith(complaint)
    assert "planted" not in run.complaint


def test_on_a_terminal_a_value_is_asked_for_and_not_shown(home: Path) -> None:
    process, terminal = os.forkpty()
    if process == 0:
        environment = clean_environment(HOME=str(home), XDG_CONFIG_HOME="", XDG_STATE_HOME="")
        os.execve(
            CONTROL_PLANE[0],
            [*CONTROL_PLANE, "secrets", "set", "--create-project", "typed", "name"],
            environment,
        )
    said = b""
    while b"name of typed: " not in said:
        said += os.read(terminal, 1_000)
    os.write(terminal, b"planted\n")
    try:
        while piece := os.read(terminal, 1_000):
            said += piece
    except OSError:  # it has ended
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, said
    assert b"planted" not in said
