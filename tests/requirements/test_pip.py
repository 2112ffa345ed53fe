"""What a real pip says that it is configured with."""

import json
import os
import subprocess
from pathlib import Path

from requirements.sets import ROOT
from tests.requirements.interpreter import UV_PYTHON

_PRINT = """
import json
from requirements.pip_settings import environment_of_uv, read_pip_settings
print(json.dumps(environment_of_uv(read_pip_settings())))
"""


def test_a_file_of_settings_and_a_variable_that_wins_over_it(tmp_path: Path) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = https://file.example/simple\ncert = /of/the/file.pem\n"
        "extra-index-url = https://one.example/simple\n    https://two.example/simple\nfind-links = /wheels\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    printed = subprocess.run(
        (UV_PYTHON, "-c", _PRINT),
        cwd=ROOT,
        env={**kept, "PIP_CONFIG_FILE": str(settings), "PIP_INDEX_URL": "https://variable.example/simple"},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    variables = json.loads(printed)
    assert variables["UV_DEFAULT_INDEX"] == "https://variable.example/simple"
    assert variables["SSL_CERT_FILE"] == "/of/the/file.pem"
    assert variables["UV_INDEX"].endswith("https://one.example/simple https://two.example/simple")
    assert variables["UV_FIND_LINKS"].endswith("/wheels")
