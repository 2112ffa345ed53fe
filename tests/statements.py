"""What PostgreSQL is asked by this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event

from control_plane_server.catalog.connecting import Connection

Statement = tuple[str, tuple[object, ...]]


@contextmanager
def noted_statements() -> Iterator[list[Statement]]:
    """Every statement from now on, with its parameters: SQLAlchemy's, and those that the driver runs itself. Not those
    of a listener, which comes and goes beside."""
    seen: list[Statement] = []
    fetch = Connection.fetch

    def note(_connection: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        seen.append((statement, parameters))

    async def noted_fetch(driver: Connection, query: str, *parameters: object, **options: Any) -> Any:
        if not query.startswith(("LISTEN", "NOTIFY", "UNLISTEN")):
            seen.append((query, parameters))
        return await fetch(driver, query, *parameters, **options)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with patch.object(Connection, "fetch", noted_fetch):
            yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)
