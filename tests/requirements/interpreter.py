"""The interpreter that `make` keeps uv beside, and has pip."""

from requirements.sets import ROOT

UV_PYTHON = ROOT / ".uv" / "bin" / "python"
assert UV_PYTHON.exists(), "these tests need uv: run `make install`"
