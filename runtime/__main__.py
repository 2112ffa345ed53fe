"""The program inside a container: `python -m runtime`, in the folder that holds the user's main.py."""

from __future__ import annotations

import os
import sys

from runtime import worker
from runtime.api import Refused, Unreachable
from runtime.environment import Environment, EnvironmentIsIncomplete
from runtime.progress import ExecutionIsGone


def main() -> int:
    try:
        return worker.run(Environment.from_variables(os.environ))
    except EnvironmentIsIncomplete as error:
        sys.stderr.write("%s\n" % error)
        return 2
    except (Refused, Unreachable, ExecutionIsGone) as error:
        sys.stderr.write("This execution could not be reported to the control plane. %s\n" % error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
