"""The results that a process streams."""

from api.results.awaited import AwaitedResults
from api.results.batches import BatchResults
from api.results.streams import Places
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import NotificationListener


class Results:
    """Of batches, and of invocations that are named. They share the places for streams."""

    def __init__(self, database: Database, listener: NotificationListener, *, places: Places | None = None) -> None:
        shared = Places() if places is None else places
        self.of_batches = BatchResults(database, listener, shared)
        self.awaited = AwaitedResults(database, listener, shared)

    def stop(self) -> None:
        """End every stream: this process is about to end. Clients go on at another one."""
        self.of_batches.stop()
        self.awaited.stop()
