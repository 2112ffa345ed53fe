"""What is uploaded and downloaded in pieces: texts and files, of which no more than a piece is held beside them."""

from __future__ import annotations

import codecs
import hashlib
import os
from typing import IO, Any, Iterator

from control_plane.protocol.waiting import NEVER, Deadline

NOT_IN_TIME = "what is too large for an answer has not come"
_PIECE_BYTES = 256 * 1024
_LONGEST_START = 200  # bytes of a partial file's name; a file system takes 255 of all


class Source:
    """What is to be uploaded: read once for its `size`, in bytes, and `sha256`, in hex, and again for each try."""

    def __init__(self) -> None:
        digest, self.size = hashlib.sha256(), 0
        for piece in self.pieces():
            digest.update(piece)
            self.size += len(piece)
        self.sha256 = digest.hexdigest()

    def pieces(self) -> Iterator[bytes]:
        raise NotImplementedError


class TextSource(Source):
    """As UTF-8. Raises ValueError for halves of surrogate pairs."""

    def __init__(self, text: str) -> None:
        self._text = text
        super().__init__()

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self._text), _PIECE_BYTES):
            yield self._text[start : start + _PIECE_BYTES].encode()


class FileSource(Source):
    """Raises OSError."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        super().__init__()

    def pieces(self) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            piece = file.read(_PIECE_BYTES)
            while piece:
                yield piece
                piece = file.read(_PIECE_BYTES)


class TextFileSource(FileSource):
    """Of what must be text. Raises UnicodeDecodeError, and ValueError for a NUL character, which no text may have."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        super().__init__(path)
        self._decoder.decode(b"", final=True)
        self._decoder = None

    def pieces(self) -> Iterator[bytes]:
        for piece in super().pieces():
            if self._decoder is not None:  # when it is measured
                self._decoder.decode(piece)
                if b"\0" in piece:
                    raise ValueError("it has a NUL character")
            yield piece


class Sink:
    """Where a download goes. `begin`: before its first piece, of each try."""

    size: int
    sha256: str

    def __init__(self) -> None:
        self._digest: Any = None

    def begin(self) -> None:
        self._digest, self.size = hashlib.sha256(), 0

    def write(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)

    def close(self) -> None:
        """Of a try that is whole, or was given up."""
        if self._digest is not None:
            self.sha256 = self._digest.hexdigest()


class MemorySink(Sink):
    """Raises TimeoutError at the deadline."""

    def __init__(self, deadline: Deadline = NEVER) -> None:
        super().__init__()
        self._deadline = deadline

    def begin(self) -> None:
        super().begin()
        self._kept = bytearray()

    def write(self, piece: bytes) -> None:
        self._deadline.check(NOT_IN_TIME)
        super().write(piece)
        self._kept += piece

    def text(self) -> str:
        """Once it is whole; it is not kept. Raises UnicodeDecodeError."""
        kept, self._kept = self._kept, bytearray()
        return kept.decode()


class FileSink(Sink):
    """The file is there once it is whole. Raises OSError."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self._path = os.fsdecode(path)
        folder, name = os.path.split(self._path)
        name = name.encode(errors="surrogateescape")[:_LONGEST_START].decode(errors="ignore")
        self._partial = os.path.join(folder, "%s.%s.part" % (name, os.urandom(4).hex()))
        self._file: IO[bytes] | None = None

    def begin(self) -> None:
        super().begin()
        self.close()
        self._file = open(self._partial, "wb")  # noqa: SIM115 - closed by `close`

    def write(self, piece: bytes) -> None:
        super().write(piece)
        assert self._file is not None
        self._file.write(piece)

    def close(self) -> None:
        super().close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def keep(self) -> None:
        os.replace(self._partial, self._path)

    def discard(self) -> None:
        """May be repeated, and called where nothing was begun."""
        self.close()
        if os.path.exists(self._partial):
            os.unlink(self._partial)
