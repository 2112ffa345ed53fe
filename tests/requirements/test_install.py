"""`python -m requirements.install` on a project of two tiny distributions, whose index is a folder."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from requirements.sets import ROOT
from tests.requirements.interpreter import UV_PYTHON

_BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "%(file)s-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path, text in {
            "METADATA": "Metadata-Version: 2.1\\nName: %(name)s\\nVersion: 1\\n",
            "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            "entry_points.txt": "[console_scripts]\\ncontrol-plane = server:main\\n",
            "RECORD": "",
        }.items():
            wheel.writestr(f"%(file)s-1.dist-info/{path}", text)
    return name
"""
_PYPROJECT = """
[project]
name = "%(name)s"
version = "1"
requires-python = ">=3.11"

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    folder: Path

    def run(self, *arguments: str, index_of: str = "UV") -> subprocess.CompletedProcess[str]:
        """With nothing downloaded before. `index_of`: whose variables say that the folder is the index."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
        return subprocess.run(
            (UV_PYTHON, "-m", "requirements.install", *arguments),
            cwd=self.folder,
            env={
                **own,
                "UV_CACHE_DIR": str(self.folder / "cache"),
                "UV_NO_CONFIG": "1",
                "PIP_CONFIG_FILE": os.devnull,
                f"{index_of}_NO_INDEX": "1",
                f"{index_of}_FIND_LINKS": str(self.folder),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def install(self, *arguments: str, index_of: str = "UV") -> str:
        """What it prints."""
        run = self.run(*arguments, index_of=index_of)
        assert run.returncode == 0, run.stderr
        return run.stdout

    @property
    def distributions(self) -> set[str]:
        return {path.name.partition("-")[0] for path in self.folder.glob(".venv/lib/*/site-packages/*.dist-info")}

    def publish(self, name: str, version: str) -> str:
        """Put a distribution into the index. The line of a requirement file for it."""
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(f"{name}.py", f"version = {version!r}\n")
            folder = f"{name}-{version}.dist-info"
            wheel.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{folder}/RECORD", "")
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"

    def require(self, name: str, *lines: str) -> None:
        (self.folder / "requirements" / f"{name}.txt").write_text("".join(lines))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "requirements", folder / "requirements", ignore=shutil.ignore_patterns("*.txt"))
    shutil.copy(ROOT / "requirements" / "project.txt", folder / "requirements")
    for home, name in ((folder, "control-plane"), (folder / "sdk", "control-plane-client")):
        home.mkdir(exist_ok=True)
        (home / "backend.py").write_text(_BACKEND % {"name": name, "file": name.replace("-", "_")})
        (home / "pyproject.toml").write_text(_PYPROJECT % {"name": name})
    project = Project(folder=folder)
    server, tool = project.publish("server", "1"), project.publish("tool", "1")
    project.require("stack", server)
    project.require("development", server, tool)
    project.require("installation")
    return project


def test_the_demo_has_no_test_tools_and_asks_the_index_of_pip(project: Project) -> None:
    assert (
        project.install("stack", index_of="PIP")
        == "Installing into .venv/: What the embedded stack and the demo need\n"
    )
    assert project.distributions == {"server", "control_plane", "control_plane_client"}
    assert (project.folder / ".venv" / "bin" / "control-plane").exists()


def test_the_second_time_there_is_nothing_to_say(project: Project) -> None:
    project.install("stack")
    for index in project.folder.glob("*.whl"):
        index.unlink()
    assert project.install("stack") == ""


def test_a_demo_leaves_the_test_tools(project: Project) -> None:
    project.install("development")
    assert project.install("stack") == ""
    assert project.distributions == {"server", "tool", "control_plane", "control_plane_client"}


def test_a_new_lock_file(project: Project) -> None:
    project.install("development")
    server = project.publish("server", "2")
    project.require("stack", server)
    project.require("development", server)
    project.install("development")
    assert project.distributions == {"server", "control_plane", "control_plane_client"}
    assert list(project.folder.glob(".venv/lib/*/site-packages/server-2.dist-info"))


def test_another_file_than_the_one_that_was_locked(project: Project) -> None:
    project.publish("server", "1")
    project.require("stack", f"server==1 --hash=sha256:{'0' * 64}\n")
    run = project.run("stack")
    assert run.returncode != 0
    assert "server" not in project.distributions


def test_an_installation_that_was_killed_is_begun_anew(project: Project) -> None:
    project.install("stack")
    (project.folder / ".venv" / ".unfinished").touch()
    next(project.folder.glob(".venv/lib/*/site-packages/server.py")).unlink()
    project.install("stack")
    assert list(project.folder.glob(".venv/lib/*/site-packages/server.py"))
    assert not (project.folder / ".venv" / ".unfinished").exists()


def test_what_cannot_be_had_leaves_what_is_there(project: Project) -> None:
    project.install("stack")
    project.require("stack", f"server==2 --hash=sha256:{'0' * 64}\n")
    assert project.run("stack").returncode != 0
    assert project.run("stack").returncode != 0
    assert project.distributions == {"server", "control_plane", "control_plane_client"}


def test_a_folder_that_was_moved(project: Project) -> None:
    project.install("stack")
    moved = Project(folder=project.folder.rename(project.folder.with_name("moved")))
    moved.install("stack")
    assert str(moved.folder) in (moved.folder / ".venv" / "bin" / "control-plane").read_text()


def test_an_interpreter_that_is_gone(project: Project) -> None:
    project.install("stack")
    python = project.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    project.install("stack")
    subprocess.run((python, "-c", "import server"), check=True)


def test_another_interpreter(project: Project, tmp_path: Path) -> None:
    project.install("stack")
    (kept := project.folder / ".venv" / "kept").touch()
    project.install("stack", "--python", sys.executable)
    assert kept.exists()
    other = tmp_path / "other"
    other.write_text(f"""#!/bin/sh\ncase "$2" in *base_prefix*) echo other;; *) exec {sys.executable} "$@";; esac\n""")
    other.chmod(0o755)
    project.install("stack", "--python", str(other))
    assert not kept.exists()


def test_an_interpreter_that_is_too_old_is_refused(project: Project, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    run = project.run("stack", "--python", str(old))
    assert run.returncode == 2
    assert run.stderr == f"{old} is no Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11\n"
    assert not (project.folder / ".venv").exists()
