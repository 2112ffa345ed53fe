"""`python -m tests.fan_out.parent PROJECT FUNCTION INPUTS`: an application that maps a function over so many inputs.

It prints a line of JSON when all are accepted, and one when all results are there.
"""

import json
import logging
import sys
import threading
import time
from collections import Counter

import control_plane as cp
import psutil

_LOOK_EVERY = 50
INPUT = "x" * 98  # of 100 bytes as JSON


class _Requests(logging.Handler):
    """Counts what the HTTP library says that it has sent."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith("HTTP Request")


def main() -> None:
    project, function, inputs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    requests = _Requests()
    logging.getLogger("httpx2").addHandler(requests)
    logging.getLogger("httpx2").setLevel(logging.INFO)
    with cp.Client(timeout=300) as client:
        callee = client.function(project, function)
        before, began = _rss_mib(), time.monotonic()
        results = callee.map((INPUT for _ in range(inputs)), ordered=False)
        _tell(seconds=time.monotonic() - began, requests=requests.count)
        peak, threads = _rss_mib(), 0
        values: Counter[str] = Counter()
        for number, value in enumerate(results):
            values[value] += 1
            if number % _LOOK_EVERY == 0:
                peak, threads = max(peak, _rss_mib()), max(threads, threading.active_count())
        _tell(
            seconds=time.monotonic() - began,
            requests=requests.count,
            mib_more=peak - before,
            threads=threads,
            values=values,
        )


def _rss_mib() -> float:
    """Not the system's own maximum: that is inherited from the process that has started this one."""
    return psutil.Process().memory_info().rss / 1024 / 1024


def _tell(**figures: object) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
