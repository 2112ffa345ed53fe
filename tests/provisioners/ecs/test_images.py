"""Images that were built for a project, in the account's registry."""

import json

from control_plane.deployment.built_images import tag_of

from control_plane_server.domain.identifiers import ProjectName
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from tests.aws.client import AwsClient, open_client
from tests.aws.process import StandIn

_ID = "0123456789ab"


async def _push(aws: AwsClient, tag: str) -> None:
    """What differs has another digest."""
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "tag": tag}
    await aws.ecr.put_image(
        repositoryName=aws.environment["CONTAINER_REPOSITORY_NAME"], imageManifest=json.dumps(manifest), imageTag=tag
    )


async def test_those_of_one_project_are_found_and_removed(provisioner: EcsProvisioner, stand_in: StandIn) -> None:
    project, other = ProjectName("größe"), ProjectName("gr-e")
    mine = {tag_of(project, f"{number:012x}") for number in range(105)}  # more than one request removes
    async with open_client(stand_in) as aws:
        for tag in (*mine, tag_of(other, _ID), "latest"):
            await _push(aws, tag)
    found = await provisioner.built_images(project)
    assert {image.rpartition(":")[2] for image in found} == mine
    credentials = await provisioner.repository_credentials()
    assert all(image.startswith(f"{credentials.image_prefix}:") for image in found)
    await provisioner.remove_images(found)
    assert await provisioner.built_images(project) == ()
    assert len(await provisioner.built_images(other)) == 1
    await provisioner.remove_images(found)  # it may be repeated
