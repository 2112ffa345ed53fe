"""The stack of infrastructure/control-plane.yaml, made by moto's CloudFormation as far as that goes."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from moto.cloudformation.models import cloudformation_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from tests.aws.template import TEMPLATE, is_setting

NAME = "control-plane"


def make_stack(region: str, parameters: Mapping[str, str] | None = None) -> dict[str, str]:
    """The settings among the stack's outputs, as the command in docs/aws.md reads them. What moto does not know it
    leaves out, or knows by name alone; see `Template` for what such resources are."""
    with _without_warnings():
        stack = cloudformation_backends[DEFAULT_ACCOUNT_ID][region].create_stack(
            NAME, TEMPLATE.read_text(), dict(parameters or {})
        )
        outputs = [one for one in stack.output_map.values() if one is not None]  # None: its condition does not hold
    assert stack.status == "CREATE_COMPLETE", stack.status
    return {one.description: str(one.value) for one in outputs if is_setting(one.description)}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Of types that moto does not know."""
    logger = logging.getLogger("moto")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logger.setLevel(before)
