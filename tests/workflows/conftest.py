"""The time-skipping Temporal server."""

import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import register_search_attributes
from control_plane_server.orchestration.payloads import data_converter
from tests.workflows.scripted_invocations import InvocationStarter


@asynccontextmanager
async def open_time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=data_converter,
        test_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal-test-server"),
    ) as environment:
        await register_search_attributes(environment.client)
        yield environment


@pytest.fixture(scope="session")
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    async with open_time_skipping() as environment:
        yield environment


@pytest.fixture(scope="session")
def start_invocation(time_skipping: WorkflowEnvironment) -> InvocationStarter:
    return InvocationStarter(time_skipping.client, time_skipping.get_current_time)
