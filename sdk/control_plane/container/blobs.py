"""What is too large for the API's requests: inputs, outputs and files of this execution, in the object store."""

from __future__ import annotations

import os

from control_plane.container.api import Api
from control_plane.container.reports import MAX_OUTPUT_LENGTH, OutputIsUnusable, PlainFailure
from control_plane.errors import Refused, Unreachable
from control_plane.protocol import blobs
from control_plane.protocol.paths import escaped
from control_plane.protocol.sources import FileSink, FileSource, MemorySink, Source, TextFileSource, TextSource

_NO_STORE = 501
_NOT_FOUND = 404


class TransferFailed(PlainFailure):
    """The object store cannot be used now: another attempt may help."""


class ExecutionBlobs:
    """Of the execution at this path."""

    def __init__(self, api: Api, path: str) -> None:
        self._api = api
        self._path = path

    def input_text(self, blob_id: str) -> str:
        """Raises TransferFailed."""
        sink = MemorySink()
        try:
            self._api.run(blobs.download(self._api.peer, self._blob(blob_id), sink))
            return sink.text()
        except (Refused, Unreachable, UnicodeDecodeError) as error:
            raise TransferFailed("The input cannot be fetched: %s" % error) from None

    def input_file(self, blob_id: str, path: str) -> None:
        """Put the input into a file that is not there yet. Raises TransferFailed, OSError."""
        sink = FileSink(path)
        try:
            self._api.run(blobs.download(self._api.peer, self._blob(blob_id), sink))
            sink.keep()
        except (Refused, Unreachable) as error:
            raise TransferFailed("The input cannot be fetched: %s" % error) from None
        finally:
            sink.discard()

    def put_output(self, output: str) -> str:
        """The blob's id. Raises OutputIsUnusable, TransferFailed."""
        try:
            return self._put_output(TextSource(output), "{:,} characters".format(len(output)))
        except UnicodeEncodeError as error:
            raise OutputIsUnusable("The output is no text: %s" % error) from None

    def put_output_file(self, path: str, *, size: str) -> str:
        """The blob's id. `size`: in words. Raises OutputIsUnusable, TransferFailed, OSError."""
        try:
            source = TextFileSource(path)
        except UnicodeDecodeError as error:
            raise OutputIsUnusable("The output file is no UTF-8 text: %s" % error) from None
        except ValueError:
            raise OutputIsUnusable("The output file has a NUL character, which no output can have") from None
        return self._put_output(source, size)

    def put_artifact(self, path: str | os.PathLike[str], name: str) -> None:
        """Raises Refused, Unreachable, OSError."""
        announced = blobs.upload(self._api.peer, self._path + "/artifacts", FileSource(path), name=name)
        blob_id = self._api.run(announced)
        self._api.request("PUT", "%s/artifacts/%s" % (self._path, escaped(blob_id)))

    def _put_output(self, source: Source, size: str) -> str:
        try:
            return self._api.run(blobs.upload(self._api.peer, self._path + "/blobs", source, kind="output"))
        except Refused as error:
            if error.status in (_NO_STORE, _NOT_FOUND):  # an earlier release knows nothing of blobs
                reason = ": %s" % error if error.status == _NO_STORE else ""
                raise OutputIsUnusable(
                    "The output is {} long; at most {:,} are possible{}".format(size, MAX_OUTPUT_LENGTH, reason)
                ) from None
            raise TransferFailed("The output cannot be stored: %s" % error) from None
        except Unreachable as error:
            raise TransferFailed("The output cannot be stored: %s" % error) from None

    def _blob(self, blob_id: str) -> str:
        return "%s/blobs/%s" % (self._path, escaped(blob_id))
