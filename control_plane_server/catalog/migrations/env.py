"""What Alembic runs: the migrations, each in a transaction, over the connection that `migrate.py` opened.

So no table is kept longer than the migration that changes it takes. What is made beside others' work commits by itself
on the way.
"""

from alembic import context
from sqlalchemy import Connection

from control_plane_server.catalog.kept_data_tables import BlobRow
from control_plane_server.catalog.schedules.table import ScheduleRow
from control_plane_server.catalog.secret_table import SecretRow
from control_plane_server.catalog.warm_containers.table import WarmContainerRow
from control_plane_server.catalog.webhooks.tables import WebhookRow

# One of each file that has tables: all are in the metadata once it is imported.
_OF_EACH_FILE = (BlobRow, ScheduleRow, SecretRow, WarmContainerRow, WebhookRow)


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=_OF_EACH_FILE[0].metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
