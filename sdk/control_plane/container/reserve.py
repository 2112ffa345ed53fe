"""Descriptors and memory put aside for the report: the user's code may have used up all the rest."""

from __future__ import annotations

import contextlib
import mmap
import os
import resource

_DESCRIPTORS = 8  # a request takes one, and the look-up of a name a few
_BYTES = 4 * 1024 * 1024  # of the address space: they are never written, so they take no memory and no time


class Reserve:
    def __init__(self) -> None:
        """Raises OSError where there is too little from the beginning."""
        self._memory = mmap.mmap(-1, _BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._descriptors = [os.open(os.devnull, os.O_RDONLY) for _ in range(_DESCRIPTORS)]
        self._device = os.fstat(self._descriptors[0])

    def release(self) -> None:
        """Never raises. A descriptor that is something else by now is the user's, who had closed all that he saw."""
        self._memory.close()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        with contextlib.suppress(OSError, ValueError):  # no code of the user's holds it low any more
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        for descriptor in self._descriptors:
            try:
                if os.path.samestat(os.fstat(descriptor), self._device):
                    os.close(descriptor)
            except OSError:
                continue
        self._descriptors = []
