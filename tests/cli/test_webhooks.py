"""`control-plane webhooks`, on a stack on which nothing ends: nothing is sent."""

from pathlib import Path

from tests.cli.terminal import Terminal

URL = "https://93.184.215.14/hook"


async def test_set_listed_and_deleted(terminal: Terminal, home: Path) -> None:
    (home / "told").mkdir()
    (home / "told" / "main.py").write_text("import control_plane as cp\n\n@cp.function\ndef f() -> None: ...\n")
    await terminal.succeed("deploy", "told")
    made = await terminal.succeed("webhooks", "set", "told", "ci", URL, "--event", "failed")
    assert made.stdout.startswith("whsec_")
    assert "ci of told tells https://93.184.215.14/hook" in made.stderr
    (listed,) = (await terminal.succeed("webhooks", "list", "told", "--json")).document["webhooks"]
    assert (listed["url"], listed["events"], listed["status"]) == (URL, ["invocation.failed"], "ACTIVE")
    changed = await terminal.succeed("webhooks", "set", "told", "ci", URL)
    assert (changed.stdout, changed.stderr) == ("", f"ci of told tells {URL}.\n")
    for name in ("ci", "invocations"):
        rotated = await terminal.succeed("webhooks", "rotate-secret", "told", name)
        assert rotated.stdout.startswith("whsec_")
        assert rotated.stdout != made.stdout
        shown = await terminal.succeed("webhooks", "deliveries", "told", name, "--status", "given-up", "--json")
        assert shown.document == {"deliveries": []}
    refused = await terminal.run("webhooks", "set", "told", "inside", "https://10.0.0.1/")
    assert refused.complaint.endswith("an operator may allow its network in CONTROL_PLANE_WEBHOOK_NETWORKS")
    unknown = await terminal.run("webhooks", "redeliver", "told", "ci", "whd-1")
    assert "A delivery with this ID does not exist for this webhook" in unknown.complaint
    await terminal.succeed("webhooks", "delete", "told", "ci")
    gone = await terminal.run("webhooks", "delete", "told", "ci")
    assert gone.complaint.startswith("project 'told' has no webhook 'ci'; list them with: ")
    await terminal.succeed(
        "undeploy", "told", "--yes"
    )  # its signing secret with it, which the doctor's keys do not read
