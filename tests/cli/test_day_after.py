"""What failed, why, when, in which line of the log, and again: as whoever looks the next morning asks."""

import asyncio
import json
import re

from tests.cli.terminal import Terminal

_MAIN = """\
import control_plane as cp

PRICES = {"tea": 3, "coffee": 4}


@cp.function
def price(item: str) -> int:
    print("looking up", item)
    return PRICES[item]


@cp.function
def total(items: list) -> int:
    return sum(price.map(items))
"""


async def test_a_failure_among_children_is_found_and_done_again(terminal: Terminal) -> None:
    folder = terminal.home / "after"
    folder.mkdir()
    (folder / "main.py").write_text(_MAIN)
    await terminal.succeed("deploy", "after")
    run = await terminal.run("invoke", "after/total", 'items=["tea", "cocoa", "coffee"]', "--wait")
    assert run.exit_code == 1
    await _all_have_ended(terminal, "after")

    failed = (await terminal.succeed("list", "after", "--failed", "--since", "1h", "--json")).document["invocations"]
    by_function = {one["function_name"]: one for one in failed}
    assert sorted(by_function) == ["price", "total"]
    assert by_function["price"]["error_message"] == "KeyError: 'cocoa'"
    groups = (await terminal.succeed("failures", "after", "--json")).document["failures"]
    assert {(group["function_name"], group["count"]) for group in groups} == {("total", 1), ("price", 1)}
    assert "KeyError: 'cocoa'" in (await terminal.succeed("failures", "after/price")).stdout
    narrowed = await terminal.succeed("list", "after", "--limit", "1", "--function", "price")
    assert len(narrowed.lines) == 2
    assert narrowed.stderr == "The 1 newest of 3 (1 failed, 2 succeeded); --limit shows more.\n"
    cut = await terminal.succeed("list", "after", "--limit", "2", "--json")
    assert cut.stderr == "The 2 newest of 4 (2 failed, 2 succeeded); --limit shows more.\n"
    assert (len(cut.document["invocations"]), cut.document["total"]) == (2, 4)
    assert cut.document["next_offset"] is not None
    whole = (await terminal.succeed("list", "after", "--limit", "4", "--json")).document
    assert (len(whole["invocations"]), whole["total"], whole["next_offset"]) == (4, 4, None)
    assert (await terminal.succeed("list", "after", "--outcome", "timed_out")).stderr == "None of after is like that.\n"

    described = await terminal.succeed("describe", "-")
    assert re.search(r"^Children +3: 1 failed, 2 succeeded$", described.stdout, re.MULTILINE)
    assert re.search(r"^inv-\w{32}  failed +price ", described.stdout, re.MULTILINE)
    assert "control-plane logs inv-" in described.stderr
    tree = (await terminal.succeed("describe", "-", "--tree")).lines
    assert [line.split()[0] for line in tree] == ["total", "├──", "├──", "└──"]
    assert " failed " in tree[1]
    assert "KeyError: 'cocoa'" in tree[1]

    child = by_function["price"]["invocation_id"]
    assert len((await terminal.succeed("list", "--parent", "-", "--json")).document["invocations"]) == 3
    assert " of total\n" in (await terminal.succeed("describe", child[:12])).stdout
    log = await terminal.succeed("logs", child, "--tail", "1", "--attempt", "1")
    assert log.lines == ["KeyError: 'cocoa'"]
    first = (await terminal.succeed("logs", child, "--timestamps")).lines[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  looking up cocoa", first)
    complaint = (await terminal.run("logs", child, "--attempt", "2")).complaint
    assert complaint == f"after/price/{child} has no attempt 2; there are 1"
    assert (await terminal.succeed("logs", child, "--since", "0s")).stdout == ""

    (folder / "main.py").write_text(_MAIN.replace('"coffee": 4', '"coffee": 4, "cocoa": 5'))
    await terminal.succeed("deploy", "after")
    given = await terminal.succeed("describe", child, "--input")
    assert json.loads(given.stdout) == {"item": "cocoa"}
    again = (await terminal.succeed("replay", child[:12], "--in-version", "latest")).lines[0]
    assert (await terminal.succeed("logs", "-", "--follow")).lines == ["looking up cocoa"]
    assert (await terminal.succeed("describe", "-", "--result")).stdout == "5"
    assert re.search(f"^Replay of +{child}$", (await terminal.succeed("describe", again)).stdout, re.MULTILINE)
    await _replay_all_that_failed(terminal, failed)
    refused = await terminal.run("undeploy", "after")
    assert refused.complaint.startswith("this deletes project after with all its invocations (0 have not ended) and ")


async def _all_have_ended(terminal: Terminal, project: str) -> None:
    """A parent fails with the first child that does, while the others may still run."""
    running = ("list", project, "--status", "running", "--json")
    while (await terminal.succeed(*running)).document["invocations"]:
        await asyncio.sleep(0.1)


async def _replay_all_that_failed(terminal: Terminal, failed: list[dict[str, str]]) -> None:
    """Of both functions."""
    dry = await terminal.succeed("replay", "after", "--failed", "--since", "1h", "--dry-run")
    assert dry.stderr == "Would be replayed: 2 of after (2 failed).\n"
    complaint = (await terminal.run("replay", "after", "--failed")).complaint
    assert complaint.startswith("this replays 2 of after (2 failed): say --yes if that is wanted")
    made = await terminal.succeed("replay", "after", "--failed", "--in-version", "latest", "--yes")
    assert re.fullmatch(r"bat-\w{32}\n", made.stdout)
    batch = made.stdout.strip()
    while (described := await terminal.succeed("describe", "-", "--json")).document["counts"]["SUCCEEDED"] < 2:
        pass
    assert described.document["batch_id"] == batch
    found = (await terminal.succeed("search", "after", "--batch", batch, "--json")).document["invocations"]
    assert {one["replayed_from"] for one in found} == {one["invocation_id"] for one in failed}
