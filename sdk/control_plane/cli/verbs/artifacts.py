"""`control-plane artifacts`: the files that an invocation's containers have kept."""

from pathlib import Path
from typing import Annotated

import typer

from control_plane.access.errors import CannotBeDone
from control_plane.cli.lookup import find_invocation
from control_plane.cli.output import local_time, note, print_json, print_table
from control_plane.cli.references import Reference, parse_invocation
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.artifacts import Artifact, artifacts_of, download_artifact
from control_plane.protocol.blobs import Damaged
from control_plane.protocol.paths import invocation_path
from control_plane.protocol.sources import FileSink


def artifacts(
    invocation: Annotated[str, typer.Argument(metavar="INVOCATION|-")],
    *,
    download: Annotated[
        Path | None, typer.Option(help="A folder, made if need be, into which they are downloaded.", metavar="DIR")
    ] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List the files that an invocation has kept with `cp.artifacts.put`, of all attempts; or download them. Of files
    of the same name the newest is downloaded."""
    run(_artifacts(parse_invocation(invocation), folder=download, api_url=api_url, as_json=as_json))


async def _artifacts(meant: Reference | str, *, folder: Path | None, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        found = await find_invocation(connection, meant)
        kept = await connection.run(artifacts_of(connection.api, invocation_path(found.document)))
        if folder is not None:
            await _download(connection, kept, folder)
    if as_json:
        print_json({"artifacts": [artifact.document for artifact in kept]})
    elif folder is None:
        print_table(
            ("NAME", "BYTES", "CREATED", "EXECUTION"),
            (
                (artifact.name, f"{artifact.size:,}", local_time(artifact.creation_time), artifact.execution_id)
                for artifact in kept
            ),
        )


async def _download(connection: AsyncConnection, kept: list[Artifact], folder: Path) -> None:
    """What cannot be downloaded keeps nothing else from it. Raises CannotBeDone, Unreachable."""
    newest = {artifact.name: artifact for artifact in sorted(kept, key=lambda artifact: artifact.creation_time)}
    missing = []
    for name, artifact in newest.items():
        try:
            await _download_one(connection, artifact, folder)
        except (OSError, Refused, Damaged) as error:
            missing.append(name)
            reason = f"it cannot be written: {error.strerror or error}" if isinstance(error, OSError) else str(error)
            note(f"{folder / name} is not downloaded: {reason}")
        else:
            note(f"{folder / name}: {artifact.size:,} bytes")
    if missing:
        raise CannotBeDone(f"{len(missing):,} of {len(newest):,} files are not downloaded: {', '.join(missing)}")


async def _download_one(connection: AsyncConnection, artifact: Artifact, folder: Path) -> None:
    """Raises Refused, Damaged, Unreachable, OSError."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - there is nothing else to do
    sink = FileSink(folder / artifact.name)
    try:
        await connection.run(download_artifact(connection.api, artifact, sink))
        sink.keep()
    finally:
        sink.discard()
