"""The time-skipping Temporal server."""

import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import register_search_attributes
from tests.workflows.scenes import SceneMaker


@pytest.fixture(scope="session")
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=pydantic_data_converter,
        test_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal-test-server"),
    ) as environment:
        yield environment


@pytest.fixture(scope="session")
async def scene(time_skipping: WorkflowEnvironment) -> SceneMaker:
    await register_search_attributes(time_skipping.client)
    return SceneMaker(time_skipping.client, time_skipping.get_current_time)
