"""A batch that was submitted, as a `Client` sees it."""

from collections.abc import Iterator

from control_plane.client.connections import Connection
from control_plane.protocol.answers import BatchInfo
from control_plane.protocol.paths import batch_by_id_path, batch_path
from control_plane.protocol.results import Result, batch_results


class Batch:
    """`id`: `bat-…`. Every method raises Refused and Unreachable."""

    def __init__(self, connection: Connection, batch_id: str) -> None:
        self.id = batch_id
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Batch {self.id}>"

    def info(self) -> BatchInfo:
        """As it is now: its `size`, its `status`, and its `counts` of queued, running, and each outcome."""
        return self._connection.run(self._connection.api.batch(batch_by_id_path(self.id)))

    def results(self, after: int = 0) -> Iterator[Result]:
        """Each once, in the order in which they end, from behind the position that is given: whoever has stopped
        reading goes on with the `position` of the last result that he has. Outputs are the texts that were reported."""
        info = self.info()
        return self._connection.iterate(
            batch_results(self._connection.api.peer, batch_path(info.document), size=info.size, after=after)
        )

    def cancel(self) -> None:
        """Ask all that has not ended to stop. A batch that has ended stays as it is."""
        self._connection.run(self._connection.api.stop_batch(batch_path(self.info().document)))
