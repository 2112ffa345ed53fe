"""What Alembic runs: the migrations, each in a transaction, over the connection that `migrate.py` opened.

So no table is kept longer than the migration that changes it takes. What is made beside others' work commits by itself
on the way.
"""

from alembic import context
from sqlalchemy import Connection

from control_plane_server.catalog.warm_containers.table import WarmContainerRow


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=WarmContainerRow.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
