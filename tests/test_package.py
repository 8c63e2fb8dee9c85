"""What imports what, the front door, and that documents agree with the code."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cortexsim
from cortexsim.models.zoo import zoo

ROOT = Path(__file__).resolve().parent.parent


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "cortexsim.models",
            ("xarray", "zarr", "sklearn", "matplotlib", "PIL", "jaxtyping", "torchvision"),
        ),
        ("cortexsim.timeaxis", ("xarray", "zarr", "sklearn", "matplotlib", "torch", "jaxtyping")),
        ("cortexsim.training.trainer", ("xarray", "zarr", "sklearn", "matplotlib", "jaxtyping")),
    ],
)
def test_rooms_import_where_the_packages_of_other_rooms_are_absent(module, absent):
    code = (
        "import sys, importlib.abc\n"
        "class Absent(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {absent!r}: raise ImportError(name + ' is not here')\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"import {module}"
    )
    done = _python(code)
    assert done.returncode == 0, done.stderr


ROOMS = [f.parent for f in sorted((ROOT / "cortexsim").rglob("__init__.pyi"))]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_name_of_a_stub_is_listed_and_resolves(room):
    """The stub, ``__all__`` and ``dir`` name the same; editors and programs see one list."""
    lines = (room / "__init__.pyi").read_text().splitlines()
    lines = [line for line in lines if line.startswith("from ")]
    listed = [re.fullmatch(r"from \.[\w.]* import (\w+) as \1", line) for line in lines]
    assert all(listed), "one name a line: from .module import name as name"
    names = sorted(match[1] for match in listed if match)
    module = importlib.import_module(".".join(room.relative_to(ROOT).parts))
    assert sorted(module.__all__) == names == sorted(dir(module))
    if room.name == "brainscore":  # its names need Brain-Score
        names = ["Commitment", "commit", "package"]
    for name in names:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = module.nonsense


def public() -> list[Any]:
    """Every public function and class, errors apart; those of brainscore need Brain-Score."""
    found: dict[str, Any] = {}
    for room in ROOMS:
        module = importlib.import_module(".".join(room.relative_to(ROOT).parts))
        for name in module.__all__ if room.name != "brainscore" else ():
            thing = getattr(module, name)
            error = isinstance(thing, type) and issubclass(thing, Exception)
            if not error and (inspect.isclass(thing) or inspect.isfunction(thing)):
                found[f"{thing.__module__}.{name}"] = thing
    return list(found.values())


def entries(doc: str) -> list[str]:
    """What the sections Parameters and Attributes have an entry on, one string an entry."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", doc, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    lines = "\n".join(sections.get(k, "") for k in ("Parameters", "Attributes")).splitlines()
    return [line.partition(" : ")[0].strip("*") for line in lines if re.match(r"[\w*]", line)]


@pytest.mark.parametrize("thing", public(), ids=lambda thing: thing.__name__)
def test_every_public_name_tells_of_each_parameter_in_an_entry_of_its_own(thing):
    if getattr(thing, "_is_protocol", False):  # is not called: what it has
        needed = {*typing.get_type_hints(thing)}
        needed |= {k for k, v in vars(thing).items() if isinstance(v, property)}
    else:
        needed = set(inspect.signature(thing).parameters)
    told = entries(inspect.getdoc(thing) or "")
    assert not needed - set(told), "numpydoc: one entry a parameter, with shape and unit"


def test_what_is_public_is_found():
    names = {thing.__name__ for thing in public()}
    assert names > {"About", "Event", "ImageSet", "Unrolls", "adjacent", "Settings", "evaluate"}
    assert len(names) > 100
    assert entries("Text.\n\nParameters\n----------\na, b : int\n    Two.\n") == ["a, b"]


def test_the_faces_of_rooms_are_lazy_and_names_win_over_modules_of_the_same_name():
    code = (
        "import sys, cortexsim, cortexsim.analysis, cortexsim.neural, cortexsim.plotting\n"
        "heavy = {'torch', 'xarray', 'matplotlib', 'scipy', 'sklearn', 'pandas', 'zarr'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "from cortexsim.neural.align import select_stimuli\n"
        "from cortexsim.neural import align\n"
        "assert align is cortexsim.neural.align and align.__name__ == 'align' and callable(align)\n"
        "import cortexsim.plotting.mds\n"
        "assert callable(cortexsim.plotting.mds)\n"
    )
    done = _python(code)
    assert done.returncode == 0, done.stderr


def test_the_zoo_is_listed():
    assert cortexsim.zoo() == zoo()


@pytest.mark.slow
def test_type_checkers_see_the_types(tmp_path):
    seen = {
        'cortexsim.load("cortex4")': "cortexsim.models.network.Network",
        "cortexsim.TimeAxis()": "cortexsim.timeaxis.TimeAxis",
        "cortexsim.analysis.Inference()": "cortexsim.analysis.statistics.settings.Inference",
    }
    code = "import cortexsim\n" + "".join(f"reveal_type({value})\n" for value in seen)
    (tmp_path / "snippet.py").write_text(code)
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nfollow_imports = silent\nignore_missing_imports = True\n"
        "[mypy-torch.*,numpy.*,xarray.*]\nfollow_imports = skip\n"  # they take a minute to read
    )
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), "snippet.py"]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert re.findall(r'Revealed type is "(.*)"', done.stdout) == list(seen.values()), done.stdout


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [(["models"], 0, "rnn3-full"), ([], 0, "usage"), (["nonsense"], 2, "usage")],
)
def test_console_script(arguments, code, text):
    done = subprocess.run(
        [sys.executable, "-m", "cortexsim", *arguments], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == code
    assert text in done.stdout


def test_the_pages_table_of_networks_is_that_of_the_code():
    rows = re.findall(
        r"^\| `([\w-]+)` \|.*\| (\d+) \| ([\d,]+) \|$",
        (ROOT / "docs" / "reference" / "networks.md").read_text(),
        re.MULTILINE,
    )
    assert [name for name, *_ in rows] == list(zoo())
    for name, readout, parameters in rows:
        net = cortexsim.build(name)
        assert (net.readout, sum(p.numel() for p in net.parameters())) == (
            int(readout),
            int(parameters.replace(",", "")),
        )


def test_packages_of_the_wheel_are_those_of_the_checkout():
    import tomllib

    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = {
        ".".join(f.parent.relative_to(ROOT).parts)
        for f in (ROOT / "cortexsim").rglob("__init__.py")
    }
    assert listed == found | {"cortexsim.weights"}


def test_the_stubs_are_in_the_wheel():
    """They are read when a name is first used."""
    import tomllib

    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "*.pyi" in data["package-data"]["*"]


def _nodes(kind: type) -> Iterator[tuple[Path, Any]]:
    """The nodes of one kind of all files of the package."""
    for file in sorted((ROOT / "cortexsim").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, kind):
                yield file.relative_to(ROOT), node


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@pytest.mark.slow
def test_no_private_name_crosses_files():
    """Neither imported nor taken from an imported module.

    What may import what: the contracts of import-linter in pyproject.toml.
    """
    ours = [(f, n) for f, n in _nodes(ast.ImportFrom) if n.level or "cortexsim" in (n.module or "")]
    names = [(file, node.lineno, a) for file, node in ours for a in node.names]
    assert [(str(f), line, a.name) for f, line, a in names if _private(a.name)] == []
    imported = {(file, a.asname or a.name) for file, _, a in names}
    taken = [
        (str(file), node.lineno, ast.unparse(node))
        for file, node in _nodes(ast.Attribute)
        if _private(node.attr)
        and isinstance(node.value, ast.Name)
        and (file, node.value.id) in imported
    ]
    assert taken == []


@pytest.mark.slow
def test_the_package_imports_its_own_modules_by_import_statements_only():
    """What importlib loads by name escapes the contracts.

    Only a package loads the names of its public face by it, when they are asked for.
    """
    calls = [
        (str(file), node.lineno)
        for file, node in _nodes(ast.Call)
        if file.name != "__init__.py"
        and ast.unparse(node.func).endswith(("import_module", "__import__"))
        and any("cortexsim" in ast.unparse(a) for a in node.args)
    ]
    assert calls == []


def test_no_analysis_uses_a_door_as_a_library():
    """Commands are for people; the analyses call what the commands call."""
    doors = {
        f"cortexsim.{door}" for door in ("record", "rdm", "compare", "mask", "train", "verify")
    }
    imported = {
        f"{path.name} imports {node.module}"
        for path in (ROOT / "analyses").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module in doors
    }
    assert not imported
