"""Every command of the README and of docs/ is run as it stands, or says in its first line why it is not."""

import ast
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import control_plane
import pytest

from tests.docs.pages import OWN_TERMINAL, PAGES, ROOT, Block, blocks_of, matches, python_of
from tests.docs.reader import Reader, Standing, standing_stack

# Pages whose commands need state that these tests prepare for each of them.
ELSEWHERE = {"temporal.md": "tests/e2e/test_temporal_page.py", "one-server.md": "tests/docker/test_one_server_page.py"}

FOLLOWED = [page for page in PAGES if page.name not in ELSEWHERE and blocks_of(page)]
# Followed with a stack of their own, as a reader begins. Others, if any stack will do, find one that stands.
WITH_A_STACK_OF_THEIR_OWN = ("README.md", "quickstart.md")
_ANY_STACK = f"{OWN_TERMINAL}\ncontrol-plane dev\n"
ON_A_STANDING_STACK = [
    page
    for page in FOLLOWED
    if page.name not in WITH_A_STACK_OF_THEIR_OWN and any(block.source == _ANY_STACK for block in blocks_of(page))
]


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    await reader.close()


@pytest.fixture(scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Path, Standing]]:
    home = tmp_path_factory.mktemp("home")
    async with standing_stack(home) as stack:
        yield home, stack


@pytest.mark.parametrize("page", ON_A_STANDING_STACK, ids=lambda page: page.name)
async def test_a_page_can_be_followed_on_a_stack(page: Path, standing: tuple[Path, Standing]) -> None:
    home, stack = standing
    reader = Reader(home, stack)
    try:
        await follow(page, reader)
    finally:
        await reader.close()
        await stack.clear()


@pytest.mark.parametrize(
    "page", [page for page in FOLLOWED if page not in ON_A_STANDING_STACK], ids=lambda page: page.name
)
async def test_a_page_can_be_followed(page: Path, reader: Reader) -> None:
    await follow(page, reader)


async def follow(page: Path, reader: Reader) -> None:
    blocks = blocks_of(page)
    missing = {program for program in ("curl", "jq") if shutil.which(program) is None}
    needed = {program for program in missing if any(program in block.source for block in blocks)}
    if needed:
        pytest.skip(f"{page.name} is not run, as there is no {' and no '.join(sorted(needed))}")
    await reader.follow(blocks)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_the_other_pages_have_tests_of_their_own(name: str) -> None:
    assert (ROOT / "docs" / name).exists()
    assert name.removesuffix(".md").replace("-", "_") in (ROOT / ELSEWHERE[name]).name
    assert f'"{name}"' in (ROOT / ELSEWHERE[name]).read_text()


def targets() -> list[tuple[str, list[str]]]:
    return [(page.name, call) for page in PAGES for block in blocks_of(page) for call in block.make_targets]


@pytest.mark.parametrize(("page", "arguments"), targets(), ids=str)
def test_what_make_is_asked_for_exists(page: str, arguments: list[str]) -> None:
    """The targets that a page names are not run here, as `make test` is one of them."""
    run = subprocess.run(
        ("make", "--dry-run", "--no-print-directory", *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, f"{page}: {run.stderr}"


def snippets() -> list[tuple[str, str]]:
    return [(page.name, source) for page in PAGES for source in python_of(page)]


@pytest.mark.parametrize(("page", "source"), snippets(), ids=lambda text: text.splitlines()[0][:40])
def test_what_is_shown_in_python_uses_what_there_is(page: str, source: str) -> None:
    for node in ast.walk(ast.parse(source, filename=page)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cp":
            assert hasattr(control_plane, node.attr), f"{page}: there is no cp.{node.attr}"


def block_of(source: str, output: str | None = None) -> Block:
    return Block(page=Path("page.md"), line=1, source=source, output=output)


async def test_a_command_that_fails_fails_its_page(reader: Reader) -> None:
    with pytest.raises(AssertionError, match=r"page.md:1 fails:\nfalse"):
        await reader.follow([block_of("true\n"), block_of("false\n"), block_of("echo never\n")])


async def test_output_that_differs_fails_its_page(reader: Reader) -> None:
    await reader.follow([block_of("echo one; echo two 2\n", "two …\n")])
    with pytest.raises(AssertionError, match="prints otherwise"):
        await reader.follow([block_of("echo one\n", "two\n")])


async def test_a_server_that_does_not_start_fails_its_page(reader: Reader) -> None:
    with pytest.raises(AssertionError, match="No such option"):
        await reader.follow([block_of(f"{OWN_TERMINAL}\ncontrol-plane dev --nonsense\n")])


def test_shown_lines_are_in_order() -> None:
    assert matches("a\nc …\n", "a\nb\nc   1\n")
    assert not matches("c\na\n", "a\nb\nc\n")
