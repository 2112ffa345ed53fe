"""What is refused of names, images, variables and sizes when a task definition is registered."""

from typing import Any

import pytest

from tests.aws.client import AwsClient, refused

_DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"image": ""}, "Container.image should not be null or empty."),
        ({"image": "a" * 256}, "Container.image can have at most 255 characters."),
        ({"image": "a image"}, "Container.image contains invalid characters."),
        ({"image": "registry.example.com/Upper:1"}, "Container.image contains invalid characters."),
        ({"image": "registry.example.com/a:-gypten-0123"}, "Container.image contains invalid characters."),
        ({"image": "registry.example.com/a:.1"}, "Container.image contains invalid characters."),
        ({"image": "registry.example.com/a:ägypten"}, "Container.image contains invalid characters."),
        ({"image": f"a:{'1' * 129}"}, "Container.image contains invalid characters."),
        ({"image": "a@sha256:12"}, "Container.image contains invalid characters."),
        ({"name": "a b"}, "Container.name contains invalid characters."),
        ({"environment": [{"name": "", "value": "1"}]}, "Environment variable name should not be null or empty."),
        (
            {"environment": [{"name": "A", "value": "1"}], "secrets": [{"name": "A", "valueFrom": "arn:aws:ssm"}]},
            "The secret name must be unique and not shared with any new or existing environment",
        ),
        ({"environment": [{"name": "A", "value": "ä" * 33_000}]}, "Max allowed length is '65536' bytes."),
    ],
)
async def test_what_is_refused(aws: AwsClient, container: dict[str, Any], message: str) -> None:
    with refused("ClientException", message):
        await aws.register(**container)


async def test_families_have_letters_digits_hyphens_and_underscores(aws: AwsClient) -> None:
    with refused("ClientException", "Family contains invalid characters."):
        await aws.register(family="a.b")


@pytest.mark.parametrize("image", ["a", f"a:{'1' * 128}", "localhost:5000/a/b__c-d:v1.0_x", f"a/b@{_DIGEST}"])
async def test_images_that_are_taken(aws: AwsClient, image: str) -> None:
    await aws.register(image)
