"""The files that invocations have kept."""

from __future__ import annotations

from typing import List

from control_plane.protocol.answers import Answer
from control_plane.protocol.api import Api
from control_plane.protocol.blobs import blob_path, download
from control_plane.protocol.sources import Sink
from control_plane.protocol.steps import Plan


class Artifact(Answer):
    """`size`: in bytes. `sha256`: in hex. `creation_time`: since the epoch."""

    name: str
    blob_id: str
    execution_id: str
    size: int
    sha256: str
    creation_time: int


def artifacts_of(api: Api, invocation: str) -> Plan[List[Artifact]]:
    """Of the invocation at this path, by their names. Raises Refused, Unreachable."""
    document = yield from api.get(invocation + "/artifacts")
    return [api.understood(Artifact, each) for each in document["artifacts"]]


def download_artifact(api: Api, artifact: Artifact, sink: Sink) -> Plan[None]:
    """Raises Refused, Unreachable, and what the sink raises."""
    return download(api.peer, blob_path(artifact.blob_id), sink)
