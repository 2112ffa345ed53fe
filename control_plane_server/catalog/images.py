"""Which images functions name, of whatever project and version."""

from collections.abc import Collection

from sqlalchemy import ARRAY, Text, any_, bindparam, select

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.tables import FunctionRow

_IMAGES = bindparam("images", type_=ARRAY(Text))
_NAMED = select(FunctionRow.docker_image).distinct().where(FunctionRow.docker_image == any_(_IMAGES))


async def images_in_use(connection: StatementConnection, images: Collection[str]) -> frozenset[str]:
    """Those of these images that a function names."""
    return frozenset((await connection.execute(_NAMED, {_IMAGES.key: list(images)})).scalars())
