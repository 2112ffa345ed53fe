"""The table of secrets."""

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from control_plane_server.catalog.base import Base
from control_plane_server.catalog.tables import ProjectRow


class SecretRow(Base):
    """A secret of a project. `encryption_key`: which key its value is encrypted with, by the key's fingerprint."""

    __tablename__ = "secrets"

    project_name: Mapped[str] = mapped_column(ForeignKey(ProjectRow.project_name, ondelete="CASCADE"), primary_key=True)
    secret_name: Mapped[str] = mapped_column(primary_key=True)
    encrypted_value: Mapped[str]
    encryption_key: Mapped[str]
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    last_update_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
