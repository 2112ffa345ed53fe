"""What Alembic runs: the migrations, over the connection that `migrate.py` opened, each in a transaction of its own."""

from alembic import context
from sqlalchemy import Connection

from control_plane_server.catalog.tables import Base


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
