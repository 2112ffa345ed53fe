"""Servers that the environment names, used in place of embedded ones."""

import asyncpg
from control_plane.cli.exits import Finalization
from pydantic import ValidationError
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.errors import StackError
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.orchestration.connection import connect_temporal
from control_plane_server.processes.connections import open_database
from environment.settings import PostgresSettings

_HINT = "start it, or unset {} to use the embedded one"


async def external_postgres() -> PostgresSettings:
    """The server that POSTGRES_HOST names. Raises StackError if it is not fully named or does not answer."""
    try:
        settings = PostgresSettings()
    except ValidationError as error:
        missing = ", ".join(f"POSTGRES_{item['loc'][0]}".upper() for item in error.errors())
        raise StackError(f"POSTGRES_HOST is set, so these are needed too and must be valid: {missing}") from error
    database = open_database(settings)
    try:
        await _ask(database)
    except (CatalogIsAway, asyncpg.PostgresError) as error:
        reason = error.__cause__ or error
        where = f"{settings.db} at {settings.host}:{settings.port}"
        raise StackError(f"PostgreSQL {where} does not answer ({reason}); {_HINT.format('POSTGRES_HOST')}") from error
    finally:
        await database.close()
    return settings


async def ensure_temporal_answers(address: str) -> None:
    """Check the server that TEMPORAL_ADDRESS names. Raises StackError."""
    Finalization.is_unsafe = True  # temporalio/sdk-python, issue 300
    try:
        await connect_temporal()
    except RuntimeError as error:
        raise StackError(f"Temporal at {address} does not answer; {_HINT.format('TEMPORAL_ADDRESS')}") from error


async def _ask(database: Database) -> None:
    async with database.statement() as connection:
        await connection.execute(text("SELECT 1"))
