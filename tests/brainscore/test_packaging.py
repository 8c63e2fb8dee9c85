"""Packaging and refusals of cortexsim.brainscore where Brain-Score is absent.

The rest of its tests: make brainscore.
"""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

import cortexsim
from cortexsim.brainscore.__main__ import main
from cortexsim.brainscore.packaging import ENTRIES, ROOT, modules_needed, vendored
from cortexsim.errors import BrainScoreError

ALLOWED = {
    "brainscore_core",
    "brainscore_vision",
    "cortexsim",
    "jaxtyping",
    "numpy",
    "PIL",
    "safetensors",
    "sklearn",
    "torch",
    "torchvision",
}


def test_a_submission_is_packaged_where_brain_score_is_not(tmp_path):
    out = tmp_path / "submission.zip"
    assert main(["package", "--model", "cortex4-twin", "--out", str(out)]) == 0
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        init = archive.read("models/cortex4_twin/__init__.py").decode()
        assert "model_registry['cortex4-twin'] = " in init  # Brain-Score finds plugins by this text
        weights = archive.read("models/cortex4_twin/weights.safetensors")
        assert weights == (ROOT / "data" / "weights" / "cortex4-twin.safetensors").read_bytes()
        for name in archive.namelist():
            if name.endswith(".py"):
                compile(archive.read(name), name, "exec")


def test_the_command_says_the_regions_and_which_are_missing(tmp_path, capsys):
    from cortexsim.brainscore.__main__ import main

    def said(*more):
        out = str(tmp_path / f"{len(list(tmp_path.iterdir()))}.zip")
        assert main(["package", "--model", "cortex4", "--out", out, *more]) == 0
        return capsys.readouterr().out

    whole = said()
    assert "called cortex4 (--identifier)" in whole
    assert "regions: V1 (state V1), V2 (state V2), V4 (state V4), IT (state IT)" in whole
    assert "none for" not in whole
    part = said("--identifier", "mine", "--regions", "V1=V1", "IT=V4")
    assert "called mine" in part
    assert "regions: V1 (state V1), IT (state V4)\nnone for V2, V4: no benchmark of it" in part
    assert "load_model('mine')" in part


def test_what_is_vendored_imports_nothing_that_brain_score_does_not_bring():
    """Imports at the top of a module run when the plugin is loaded.

    Those inside functions only if they are called.
    """
    for file in modules_needed(ENTRIES):
        for node in ast.parse(vendored(file)).body:
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                top = name.partition(".")[0]
                assert top in ALLOWED or top in sys.stdlib_module_names, f"{file}: {name}"
    assert not any(
        f.is_relative_to(ROOT / "cortexsim" / "analysis") for f in modules_needed(ENTRIES)
    )


# What Brain-Score lacks, and what these modules need not: none of it can be imported.
ALONE = """
import sys
for name in ("lazy_loader", "zarr", "xarray", "matplotlib", "scipy", "safetensors", "jaxtyping"):
    sys.modules[name] = None
sys.path.insert(0, sys.argv[1])
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The folder of an unpacked submission."""
    folder = tmp_path_factory.mktemp("submission")
    assert main(["package", "--out", str(folder / "submission.zip")]) == 0
    with zipfile.ZipFile(folder / "submission.zip") as archive:
        archive.extractall(folder)
    return folder / "models" / "cortex4"


def _alone(code, *arguments):
    """A process that sees the installed packages, but not this checkout unless it is named."""
    command = [sys.executable, "-P", "-c", ALONE + code, *map(str, arguments)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)


@pytest.mark.slow
def test_what_is_vendored_runs_without_lazy_loader(plugin):
    code = """
import torch
from pathlib import Path
from cortexsim.brainscore.plugin import WEIGHTS, open_network
import cortexsim
assert Path(cortexsim.__file__).is_relative_to(sys.argv[1]), cortexsim.__file__
net = open_network(Path(sys.argv[2]) / WEIGHTS)
torch.manual_seed(0)
print(cortexsim.__version__, net(3 * torch.rand(2, 3, 32, 32) - 1.5).tolist())
"""
    done = _alone(code, plugin / "vendored", plugin)
    assert done.returncode == 0, done.stderr
    torch.manual_seed(0)
    logits = cortexsim.load("cortex4")(3 * torch.rand(2, 3, 32, 32) - 1.5)
    assert done.stdout.strip() == f"{cortexsim.__version__} {logits.tolist()}"


@pytest.mark.sampled(1)
@pytest.mark.parametrize("changed", [None, "models/graph.py", "__init__.py"])
def test_a_submission_beside_another_cortexsim_compares_the_modules_that_compute(
    plugin, tmp_path, changed
):
    """An installed cortexsim has other lists of names; only other code is another version."""
    installed = tmp_path / "cortexsim"
    shutil.copytree(plugin / "vendored" / "cortexsim", installed)
    (installed / "__init__.py").write_text((ROOT / "cortexsim" / "__init__.py").read_text())
    shutil.copy(ROOT / "cortexsim" / "__init__.pyi", installed)
    if changed:
        with (installed / changed).open("a") as file:
            file.write("# another version\n")
    code = """
del sys.modules["lazy_loader"]
import runpy
import cortexsim
assert cortexsim.__file__.startswith(sys.argv[1]), cortexsim.__file__
runpy.run_path(sys.argv[2] + "/model.py")
"""
    done = _alone(code, tmp_path, plugin)
    refused = changed == "models/graph.py"
    assert (done.returncode != 0) == refused, done.stderr
    assert ("(cortexsim/models/graph.py differ)" in done.stderr) == refused


def test_scoring_without_brain_score_says_what_to_run(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # wherever this test runs
    with pytest.raises(
        BrainScoreError, match=r"(?s)make brainscore.*--model cortex4 --benchmark Kar2019-ost"
    ):
        main(["score", "--benchmark", "Kar2019-ost"])


@pytest.mark.slow
def test_the_command_prints_one_message_and_no_traceback(tmp_path):
    out = tmp_path / "a.zip"
    out.write_bytes(b"mine")
    command = [sys.executable, "-m", "cortexsim.brainscore", "package", "--out", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(cortexsim.__file__).parents[1]
    )
    assert (done.returncode, out.read_bytes()) == (1, b"mine")
    assert done.stderr.startswith("error: ")
    assert "--overwrite" in done.stderr
    assert main(["sing"]) == 2
