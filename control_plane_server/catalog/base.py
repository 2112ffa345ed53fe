"""What every table of the catalog is made from."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Double, Integer, Label, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase

# Of a column that is long, and that few who read its row need.
READ_APART = "is read apart"


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {str: Text, datetime: TIMESTAMP(timezone=True), float: Double, int: Integer}


def columns_of(*tables: type[Base]) -> tuple[Label[Any], ...]:
    """All their columns but those that are read apart, each named after its table too, as converters read them:
    `functions_status`."""
    return tuple(
        column.label(f"{table.__tablename__}_{column.name}")
        for table in tables
        for column in table.__table__.columns
        if not column.info.get(READ_APART)
    )
