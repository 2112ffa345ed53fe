"""`python -m requirements.build FOLDER`: the wheel, into a folder, as `poetry build --format wheel` makes it."""

import sys

from requirements.uv import run_uv

if __name__ == "__main__":
    sys.exit(run_uv("build", "--wheel", "--out-dir", sys.argv[1]))
