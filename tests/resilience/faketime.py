"""A clock that is wrong for one process: Debian's libfaketime, preloaded."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

_PACKAGE = "libfaketime"
_LIBRARY = "faketime/libfaketimeMT.so.1"  # the one for programs with threads
_SITE = '''"""Sleeps by `select`: libfaketime breaks Python's own."""
import select
import time

time.sleep = lambda seconds: select.select([], [], [], max(0.0, seconds)) and None
'''


def faked_clock(folder: Path, *, offset_seconds: int) -> dict[str, str]:
    """What a process must find in its environment for its wall clock to be so far off. `folder` takes what it needs.

    Unless the library is installed, Debian's package is unpacked into the folder: nothing on the machine changes.
    """
    site = folder / "site"
    site.mkdir(parents=True, exist_ok=True)
    (site / "sitecustomize.py").write_text(_SITE)
    return {
        "LD_PRELOAD": str(_installed() or _unpacked(folder)),
        "FAKETIME": f"{offset_seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # which no change of a machine's time touches either
        "PYTHONPATH": str(site),
    }


def _installed() -> Path | None:
    return next(iter(Path("/usr/lib").glob(f"*/{_LIBRARY}")), None)


def _unpacked(folder: Path) -> Path:
    if shutil.which("apt-get") is None:
        advice = "install libfaketime, or run this on Debian, where the test fetches it by itself"
        if platform.system() == "Linux" and Path("/etc/debian_version").exists():
            pytest.fail(advice)
        pytest.skip(f"NOT SHOWN, that a wrong clock does no harm: {advice}")
    if not _download(folder):
        subprocess.run(["apt-get", "-qq", "update"], check=False, capture_output=True)
        if not _download(folder):
            pytest.fail(
                "apt-get cannot download libfaketime, without which nothing shows that a wrong clock does no harm"
            )
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(folder / "root")], check=True)
    return next((folder / "root").rglob(Path(_LIBRARY).name))


def _download(folder: Path) -> bool:
    done = subprocess.run(["apt-get", "-qq", "download", _PACKAGE], cwd=folder, check=False, capture_output=True)
    return done.returncode == 0
