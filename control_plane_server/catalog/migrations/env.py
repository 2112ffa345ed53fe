"""What Alembic runs: the migrations, in one transaction, over the connection that `migrate.py` opened.

What is made beside others' work commits by itself on the way.
"""

from alembic import context
from sqlalchemy import Connection

from control_plane_server.catalog.tables import Base


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


run()
