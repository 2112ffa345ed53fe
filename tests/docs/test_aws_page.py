"""What docs/aws.md says of the CloudFormation template."""

import re
import subprocess
from pathlib import Path

from tests.aws.template import Template, outputs, parameters

PAGE = (Path(__file__).parents[2] / "docs" / "aws.md").read_text()
EXPLAINED_BY_TEMPLATE = {"VpcPrefix", "TemporalServerImage", "TemporalAdminToolsImage"}  # rarely another


def test_its_command_writes_the_settings_into_a_file(tmp_path: Path) -> None:
    (command,) = re.findall(
        r"^aws cloudformation describe-stacks.*?control-plane\.env$", PAGE, re.DOTALL | re.MULTILINE
    )
    template = Template({"ApiUrl": "https://control-plane.example.com"})
    answer = "".join(f"{description}\t{value}\n" for description, value in template.outputs.items())
    (tmp_path / "answer").write_text(answer)
    subprocess.run(["bash", "-euc", f"aws() {{ cat answer; }}\n{command}"], cwd=tmp_path, check=True)
    lines = (tmp_path / "control-plane.env").read_text().splitlines()
    assert lines == [f"{name}={value}" for name, value in template.settings.items()]
    assert "CLUSTER_NAME=<Cluster>" in lines


def test_it_has_every_parameter_and_no_other() -> None:
    in_tables = set(
        re.findall(r"`([A-Z][A-Za-z]+)`(?=[^|\n]*\|)", "\n".join(re.findall(r"^\| `.*", PAGE, re.MULTILINE)))
    )
    in_commands = set(re.findall(r"\b([A-Z][a-z]\w+)=", PAGE))
    named = {name for name in in_tables | in_commands if name in parameters()}
    assert parameters() - EXPLAINED_BY_TEMPLATE == named
    (overridden,) = re.findall(r"--parameter-overrides (RunServices.*?)```", PAGE, re.DOTALL)
    assert set(re.findall(r"\b([A-Z]\w+)=", overridden)) <= parameters()


def test_it_names_outputs_that_there_are() -> None:
    assert set(re.findall(r"output `(\w+)`", PAGE)) <= outputs()
    assert re.findall(r"output `(\w+)`", PAGE)
