"""`python -m requirements.build FOLDER`: the wheels, the client's and the server's, into a folder, as `poetry build
--format wheel` makes them."""

import os
import sys

from requirements.uv import run_uv

if __name__ == "__main__":
    folder = os.path.abspath(sys.argv[1])
    sys.exit(run_uv("build", "--wheel", "--out-dir", folder, "sdk") or run_uv("build", "--wheel", "--out-dir", folder))
