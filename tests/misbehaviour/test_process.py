"""Programs drawn at random from a grammar of misbehaviours end as the grammar predicts: containers as processes.

`make misbehaviour` draws 300.
"""

import asyncio
import os
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from control_plane_server.provisioners.process.all_containers import kill_all_containers
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner
from tests.misbehaviour.conduct import MAIN, Ending, assert_predicted, run_to_its_end
from tests.misbehaviour.grammar import Program, programs
from tests.provisioners.conftest import TOKEN, container_request
from tests.sdk.api_stub import StubState, serving

PROGRAMS = int(os.environ.get("MISBEHAVIOURS", "20"))
GRACE = timedelta(seconds=1)


@settings(max_examples=PROGRAMS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_a_program_ends_as_predicted(program: Program) -> None:
    assert_predicted(program, asyncio.run(_ending(program)), exit_reasons=True)


async def _ending(program: Program) -> Ending:
    state = StubState(api_key=TOKEN)
    with tempfile.TemporaryDirectory(prefix="cp-misbehaviour-") as folder, serving(state) as url:
        image, data = _image_in(Path(folder)), Path(folder, "data")
        provisioner = ProcessProvisioner(data_dir=data, api_url=url, stop_grace=GRACE)
        try:
            return await run_to_its_end(program, provisioner, container_request(image), state)
        finally:
            await kill_all_containers(data)


def _image_in(folder: Path) -> Path:
    image = folder / "image"
    image.mkdir()
    (image / "main.py").write_text(MAIN)
    return image
