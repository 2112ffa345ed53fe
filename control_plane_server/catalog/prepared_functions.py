"""Functions that containers can be started of."""

from dataclasses import dataclass

from sqlalchemy import BindParameter, Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.platforms import to_platform
from control_plane_server.catalog.tables import FunctionRow, VersionRow
from control_plane_server.domain.entities import ContainerType, FunctionStatus
from control_plane_server.domain.identifiers import FunctionName, FunctionRef, ProjectName, VersionId
from control_plane_server.domain.platforms import Platform

_TYPE: BindParameter[str] = bindparam("type", type_=Text)
_NEWEST = (
    select(
        *(VersionRow.project_name, VersionRow.version_id, FunctionRow.function_name),
        *(FunctionRow.prepared_identifier, FunctionRow.platform),
    )
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .where(FunctionRow.status == FunctionStatus.READY.value, FunctionRow.prepared_type == _TYPE)
    .order_by(VersionRow.creation_time.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedInstance:
    """A function, and what the provisioner knows it by."""

    ref: FunctionRef
    identifier: str
    platform: Platform


async def newest_prepared(connection: AsyncConnection, type: ContainerType) -> PreparedInstance | None:
    """Of the newest version that has one; None if no function is ready on such a platform."""
    row = (await connection.execute(_NEWEST, {_TYPE.key: type.value})).one_or_none()
    if row is None:
        return None
    return PreparedInstance(
        ref=FunctionRef(
            project_name=ProjectName(row.project_name),
            version_id=VersionId(row.version_id),
            function_name=FunctionName(row.function_name),
        ),
        identifier=row.prepared_identifier,
        platform=to_platform(row.platform),
    )
