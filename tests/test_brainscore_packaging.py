"""Packaging and refusals of cortexsim.brainscore where Brain-Score is absent; the rest of its tests: make brainscore."""

import ast
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cortexsim
from cortexsim.brainscore.__main__ import main
from cortexsim.brainscore.packaging import ENTRIES, ROOT, modules_needed
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


def test_what_is_vendored_imports_nothing_that_brain_score_does_not_bring():
    """Imports at the top of a module run when the plugin is loaded; those inside functions only if they are called."""
    for file in modules_needed(ENTRIES):
        for node in ast.parse(file.read_text()).body:
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


def test_scoring_without_brain_score_says_what_to_run(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # wherever this test runs
    with pytest.raises(
        BrainScoreError, match=r"(?s)make brainscore.*--model cortex4 --benchmark Kar2019-ost"
    ):
        main(["score", "--benchmark", "Kar2019-ost"])


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
