"""The tree of tests is the tree of the package: a test file is named for the module it tests."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

DOORS = ("record", "rdm", "compare", "explore", "mask", "show", "table", "train", "verify", "cite")
MOST_LINES = 125  # of a door, its help and its table of options apart

# Tests of a whole room, or of all rooms, and what they are of.
OF_A_ROOM = {
    "analysis/latency/test_doors.py": "every public function of the room, as people call it",
    "analysis/statistics/test_doors.py": "every public function of the room, as people call it",
    "analyses/test_memo.py": "the figures of the memo and of the blog posts, each a script",
    "brainscore/test_external.py": "networks that Brain-Score brings, from wrapping to scoring",
    "brainscore/test_metrics.py": "Brain-Score's metrics and our analysis on the same numbers",
    "experiments/compare/test_command.py": "the comparison as a user meets it",
    "experiments/compare/test_planted.py": "planted truths through the whole comparison",
    "neural/benchmarks/test_offline.py": "what is said where there is no network",
    "neural/spikes/test_doors.py": "every public function of the room, as people call it",
    "neural/benchmarks/test_real_facts.py": "what is published about the real data",
    "faults/test_damages.py": "every kind of output, damaged",
    "faults/test_disks.py": "every command, where nothing can be written",
    "faults/test_kills.py": "every command, killed",
    "faults/test_races.py": "every command, begun twice",
    "fuzz/test_fuzz.py": "every public function, file and command, malformed",
    "test_doors.py": "every public function that is given two things of the same stimuli",
    "test_gpu.py": "what only a CUDA machine can show",
    "test_house.py": "this",
    "test_package.py": "imports, the front door, documents",
    "test_pages.py": "what pages show: Python, commands, options",
    "test_readme_numbers.py": "what README quotes, beside the files it is from",
}


def modules_of(folder: Path) -> set[str]:
    """Names of the modules that the tests of a folder are of; ``main`` for ``__main__``."""
    room = folder.relative_to(ROOT / "tests")
    scripts = room.parts[:1] == ("analyses",)
    package = (ROOT if scripts else ROOT / "cortexsim") / room
    return {path.stem.strip("_") for path in package.glob("*.py")}


def is_named_for(test: str, modules: set[str]) -> bool:
    """``test_<module>.py``, or ``test_<module>_<topic>.py`` where a module has several files."""
    name = test.removeprefix("test_")
    return name in modules or any(name.startswith(f"{module}_") for module in modules)


def test_a_test_file_is_named_for_a_module_in_the_same_folder():
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    misplaced = [
        path
        for path in (file.relative_to(ROOT / "tests").as_posix() for file in files)
        if path not in OF_A_ROOM
        and not is_named_for(Path(path).stem, modules_of((ROOT / "tests" / path).parent))
    ]
    assert len(files) > 100
    assert not misplaced, f"{misplaced}: name them for the module they test, in its folder"
    gone = [path for path in OF_A_ROOM if not (ROOT / "tests" / path).is_file()]
    assert not gone, f"{gone} are listed in OF_A_ROOM and are no files"


@pytest.mark.parametrize(
    ("test", "named"),
    [("test_zoo", True), ("test_zoo_bundled", True), ("test_zoology", False), ("test_own", False)],
)
def test_a_name_is_that_of_a_module_and_may_add_a_topic(test, named):
    assert is_named_for(test, {"zoo", "graph"}) is named


def test_paths_of_tests_in_documents_exist():
    texts = [ROOT / name for name in ("CONTRIBUTING.md", "README.md", "Makefile", "pyproject.toml")]
    texts += [ROOT / ".ci" / "run", *sorted((ROOT / "docs").rglob("*.md"))]
    for text in texts:
        named = re.findall(r"\btests/[\w/.]*\w", text.read_text())
        absent = [path for path in named if not (ROOT / path).exists()]
        assert not absent, f"{text.name} names {absent}"


def lines_of(door: Path) -> int:
    """Lines of a file without those of its help and of the table of its options or verbs."""
    tree = ast.parse(text := door.read_text())
    told: list[ast.stmt] = [
        n for n in tree.body if isinstance(n, ast.ClassDef) and n.name.endswith("Config")
    ]
    told += [n for n in tree.body if isinstance(n, ast.Assign) and "VERBS" in ast.unparse(n)[:5]]
    told += tree.body[: ast.get_docstring(tree) is not None]
    return len(text.splitlines()) - sum(1 + (n.end_lineno or 0) - n.lineno for n in told)


@pytest.mark.parametrize("door", [*DOORS, "__main__"])
def test_a_door_is_thin(door):
    lines = lines_of(ROOT / "cortexsim" / f"{door}.py")
    assert lines <= MOST_LINES, "options in, words out: the rest is of experiments/ and console/"


def test_options_are_resolved_at_the_door():
    """Below it nobody takes what the command line gave; the tables themselves may stand there."""
    rooms = ("experiments", "training", "recording", "analysis", "models", "neural", "stimuli")
    files = [f for room in rooms for f in (ROOT / "cortexsim" / room).rglob("*.py")]
    named = [f for f in files if re.search(r"\b\w+Config\b", f.read_text())]
    assert len(files) > 200
    assert [f for f in named if f.name != "config.py"] == []
