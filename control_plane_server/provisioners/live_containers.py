"""All containers that run, page after page."""

from control_plane_server.domain.containers import Container
from control_plane_server.provisioners.contract import Provisioner


async def every_live_container(provisioner: Provisioner) -> tuple[Container, ...]:
    """For questions that some of them cannot answer. Raises what `list_live_containers` raises."""
    page = await provisioner.list_live_containers()
    found = list(page.containers)
    while page.next_page is not None:
        page = await provisioner.list_live_containers(page.next_page)
        found += page.containers
    return tuple(found)
