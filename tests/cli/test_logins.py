"""Which server is talked to, and how it is remembered."""

import json
from pathlib import Path

from control_plane.access.local_stacks import StackAccess

from tests.cli.terminal import Terminal


async def test_login_is_saved_and_used_and_forgotten(tmp_path: Path, access: StackAccess) -> None:
    elsewhere = Terminal(tmp_path)
    run = await elsewhere.run("login", access.api_url + "/", "--json", stdin=access.api_key + "\n")
    assert (run.exit_code, run.document) == (0, {"api_url": access.api_url})
    file = tmp_path / ".config" / "control-plane" / "login.json"
    assert json.loads(file.read_text()) == {"api_url": access.api_url, "api_key": access.api_key}
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert access.api_key not in run.stdout + run.stderr
    await elsewhere.succeed("list")

    # to another server its key is not sent
    other = await elsewhere.run("list", "--api-url", "http://127.0.0.1:1")
    assert other.complaint.startswith("there is no key for http://127.0.0.1:1; ")
    # the environment goes first
    assert (await Terminal(tmp_path, CONTROL_PLANE_API_KEY="wrong").run("list")).exit_code == 1

    forgotten = await elsewhere.succeed("logout", "--json")
    assert forgotten.document == {"api_url": access.api_url}
    assert (await elsewhere.run("list")).complaint.startswith("there is no server; ")


async def test_a_wrong_key_is_not_saved(tmp_path: Path, access: StackAccess) -> None:
    run = await Terminal(tmp_path).run("login", access.api_url, stdin="wrong\n")
    assert run.exit_code == 1
    assert run.complaint.startswith(f"{access.api_url} refuses the API key (just entered)")
    assert not (tmp_path / ".config").exists()


async def test_login_of_nothing(tmp_path: Path) -> None:
    assert (await Terminal(tmp_path).run("login")).complaint == "name the server: control-plane login URL"


async def test_the_first_of_the_servers_keys_is_used(tmp_path: Path, access: StackAccess) -> None:
    keys = f"{access.api_key},another"
    there = Terminal(tmp_path, CONTROL_PLANE_API_URL=access.api_url, CONTROL_PLANE_API_KEY=keys)
    await there.succeed("list")


async def test_a_broken_file_is_said(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "control-plane" / "login.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    assert (await Terminal(tmp_path).run("list")).complaint.endswith("remove it and run: control-plane login URL")
