"""Programs drawn at random from a grammar of misbehaviours end as the grammar predicts: containers of an engine."""

import asyncio
import dataclasses
import os
import uuid
from datetime import timedelta

from hypothesis import HealthCheck, given, settings

from control_plane_server.provisioners.docker.factory import open_docker_provisioner, open_engine
from tests.docker.conftest import TOKEN, configuration_of, container_request, remove_all
from tests.misbehaviour.conduct import Ending, assert_predicted, run_to_its_end
from tests.misbehaviour.grammar import Program, programs
from tests.sdk.api_stub import StubState, serving

PROGRAMS = int(os.environ.get("MISBEHAVIOURS", "50")) // 10
GRACE = timedelta(seconds=1)


@settings(max_examples=PROGRAMS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(program=programs())
def test_a_program_ends_as_predicted(image: str, program: Program) -> None:
    assert_predicted(program, asyncio.run(_ending(program, image)), exit_reasons=False)


async def _ending(program: Program, image: str) -> Ending:
    state = StubState(api_key=TOKEN)
    with serving(state) as url:
        configuration = dataclasses.replace(configuration_of(f"test-{uuid.uuid4().hex[:12]}", url), stop_grace=GRACE)
        async with open_docker_provisioner(configuration) as provisioner:
            request = container_request(image=image, function="misbehave")
            try:
                return await run_to_its_end(program, provisioner, request, state)
            finally:
                async with open_engine(configuration) as engine:
                    await remove_all(engine, configuration.installation)
