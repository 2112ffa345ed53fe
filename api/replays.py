"""Submits one invocation that has ended once more."""

from dataclasses import replace

from api.services import Services
from api.submissions import submit_and_start
from control_plane_server.catalog.blobs import BlobRepository
from control_plane_server.catalog.invocations import NewInvocation
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.errors import InvocationHasNotTerminated


async def replay(
    services: Services, original: Invocation, *, version_ref: str | None, client_key: str | None
) -> Invocation:
    """The new one, or the one of this key. `version_ref`: None: the version that it ran in.

    Raises InvocationHasNotTerminated, and what `submit_and_start` raises.
    """
    if not original.is_settled:  # a container that still has to go changes nothing
        raise InvocationHasNotTerminated
    function = original.function.ref
    blob = None
    if original.input_blob_id is not None:
        async with services.database.statement() as connection:
            blob = await BlobRepository(connection).get(function.project_name, original.input_blob_id)
    path = FunctionPath(
        project_name=function.project_name,
        version_ref=version_ref or function.version_id,
        function_name=function.function_name,
    )
    new = NewInvocation(
        input=original.input,
        input_blob=blob,
        options=replace(original.options, delay_seconds=0),
        replayed_from=original.invocation_id,
    )
    return await submit_and_start(services, path, new, client_key)
