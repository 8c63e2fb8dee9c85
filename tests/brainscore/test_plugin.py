"""The zip: it works where neither cortexsim nor safetensors is installed, and is the in-package
model to the last bit.
"""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import brainscore_vision
import numpy as np
import pytest
import torch
from safetensors.torch import save

import cortexsim
from cortexsim.brainscore import load, package
from cortexsim.brainscore.__main__ import main
from cortexsim.brainscore.packaging import ROOT, vendored
from cortexsim.brainscore.plugin import read_safetensors
from cortexsim.errors import BrainScoreError
from cortexsim.timeaxis import TimeAxis

OPTIONS = {
    "time_axis": TimeAxis(30, 20, 50, 40.0),
    "steps": 10,
    "readout_step": 9,
    "visual_degrees": 10,
    "identifier": "cortex4-slow",
}
ABSENT = ("cortexsim", "safetensors")
BINS = [(t, t + 10) for t in range(70, 250, 10)]

# Runs both here and there: what a model of either kind records and does.
SESSION = """
import sys
import numpy as np
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet


def session(model, paths):
    ids = [p.rsplit("/", 1)[1] for p in paths]
    table = StimulusSet({"stimulus_id": ids, "image_label": ["ab"[i % 2] for i in range(len(ids))]})
    table.stimulus_paths = dict(zip(ids, paths))
    table.identifier = "session"
    done = {"identifier": model.identifier, "degrees": model.visual_degrees()}
    for region in ("V1", "V2", "V4", "IT"):
        model.start_recording(region, BINS)
        done[region] = model.look_at(table).values
        model.start_recording(region, [(70, 170)])
        static = model.look_at(table)
        done[region + " static"] = static.values
        done[region + " ids"] = static["neuroid_id"].values.astype(str)
    tasks = {"label": [["cat", "dog", "ship"]], "probabilities": [table], "odd_one_out": []}
    for name, task in tasks.items():
        model.start_task(name, *task)
        done[name] = model.look_at(table).values
    return done
"""

THERE = """
import importlib.util
for name in ABSENT:
    assert importlib.util.find_spec(name) is None, name
import brainscore_vision
assert brainscore_vision.__file__.startswith(OVERLAY), brainscore_vision.__file__
model = brainscore_vision.load_model("cortex4-slow")
import cortexsim
assert cortexsim.__file__.startswith(OVERLAY), cortexsim.__file__
assert "safetensors" not in sys.modules and not any("vendored" in p for p in sys.path)
np.savez(sys.argv[1], **session(model, sys.argv[2:]))
assert "liao2016" in brainscore_vision.load_model_bibtex("cortex4-slow")
"""


@pytest.fixture(scope="module")
def submission(tmp_path_factory):
    return package("cortex4", tmp_path_factory.mktemp("zip") / "submission.zip", **OPTIONS)


@pytest.fixture(scope="module")
def elsewhere(submission, tmp_path_factory):
    """An environment with only brainscore-vision: its packages but ABSENT ones, its
    brainscore_vision with this plugin as the only model.
    """
    root = tmp_path_factory.mktemp("elsewhere")
    site, overlay = root / "site", root / "overlay"
    installed = Path(brainscore_vision.__file__).parent
    site.mkdir()
    for entry in installed.parent.iterdir():
        if (
            not any(a in entry.name for a in ABSENT)
            and entry.name != "brainscore_vision"
            and entry.suffix != ".pth"
        ):
            (site / entry.name).symlink_to(entry)
    (overlay / "brainscore_vision").mkdir(parents=True)
    for entry in installed.iterdir():
        if entry.name not in ("models", "__pycache__"):
            (overlay / "brainscore_vision" / entry.name).symlink_to(entry)
    with zipfile.ZipFile(submission) as archive:
        archive.extractall(overlay / "brainscore_vision")
    (overlay / "brainscore_vision" / "models" / "__init__.py").touch()
    return overlay, site


def run_there(elsewhere, *arguments):
    # -S: no site-packages, and none of the files there that make an editable cortexsim importable
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, elsewhere))}
    return subprocess.run(
        [sys.executable, "-S", "-W", "ignore", *arguments],
        env=environment,
        cwd=elsewhere[0],
        capture_output=True,
        text=True,
    )


def test_it_is_the_in_package_model_bit_for_bit(elsewhere, stimuli, tmp_path):
    paths = [str(stimuli.get_stimulus(i)) for i in stimuli["stimulus_id"][:6]]
    head = f"ABSENT, BINS, OVERLAY = {ABSENT!r}, {BINS!r}, {str(elsewhere[0])!r}\n"
    done = run_there(elsewhere, "-c", head + SESSION + THERE, str(tmp_path / "there.npz"), *paths)
    assert done.returncode == 0, done.stderr
    scope = {"BINS": BINS}
    exec(SESSION, scope)
    in_package = scope["session"](load("cortex4", **OPTIONS), paths)
    with np.load(tmp_path / "there.npz") as there:
        assert set(there.files) == set(in_package)
        for name in in_package:
            np.testing.assert_array_equal(there[name], in_package[name], err_msg=name)
    assert (in_package["IT"][..., :1] != in_package["IT"]).any()
    assert (in_package["identifier"], in_package["degrees"]) == ("cortex4-slow", 10)


def test_its_own_test_passes_there(elsewhere):
    test = elsewhere[0] / "brainscore_vision" / "models" / "cortex4_slow" / "test.py"
    done = run_there(
        elsewhere, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", str(test)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_vendored_modules_are_unchanged_and_nothing_else_is_inside(submission):
    with zipfile.ZipFile(submission) as archive:
        names = archive.namelist()
        folder = "models/cortex4_slow/"
        assert all(n.startswith(folder) for n in names)
        own = {n.removeprefix(folder) for n in names if "/vendored/" not in n}
        assert own == {
            "__init__.py",
            "model.py",
            "test.py",
            "requirements.txt",
            "commitment.json",
            "weights.safetensors",
            "weights.json",
        }
        for name in names:
            if "/vendored/" in name:
                assert archive.read(name) == vendored(ROOT / name.partition("/vendored/")[2])
        # What it asks for is there with brainscore-vision: nothing is installed when it is loaded.
        for line in archive.read(folder + "requirements.txt").decode().splitlines():
            assert line.startswith("#") or importlib.util.find_spec(
                {"pillow": "PIL"}.get(line, line)
            ), line
    assert submission.stat().st_size < 2e6


def test_the_same_arguments_give_the_same_bytes(submission, tmp_path):
    assert (
        package("cortex4", tmp_path / "again.zip", **OPTIONS).read_bytes()
        == submission.read_bytes()
    )


def test_weights_that_were_changed_are_not_loaded(elsewhere, tmp_path):
    from cortexsim.brainscore.plugin import open_plugin

    folder = elsewhere[0] / "brainscore_vision" / "models" / "cortex4_slow"
    for file in folder.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert open_plugin(tmp_path).identifier == "cortex4-slow"
    damaged = bytearray((tmp_path / "weights.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(damaged)
    with pytest.raises(BrainScoreError, match="not the file its card describes"):
        open_plugin(tmp_path)


def test_tensors_are_read_as_safetensors_reads_them():
    g = torch.Generator().manual_seed(0)
    tensors = {
        "a": torch.rand(3, 4, generator=g),
        "double": torch.rand(2, generator=g).double(),
        "half": torch.rand(5, generator=g).bfloat16(),
        "flags": torch.tensor([1, 0, 1], dtype=torch.uint8),
        "count": torch.tensor(7),
        "none": torch.zeros(0, 3),
    }
    data = save(tensors, metadata={"who": "me"})
    read = read_safetensors(data)
    assert set(read) == set(tensors)
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)
    for broken in (b"", data[:40], data[:-3], b"\xff" * 100):
        with pytest.raises(BrainScoreError, match="not a safetensors file"):
            read_safetensors(broken)


def test_the_command_line_says_what_is_wrong(tmp_path, capsys):
    out = tmp_path / "a.zip"
    assert main(["package", "--out", str(out), "--identifier", "mine", "--policy", "clip"]) == 0
    assert "wrote" in capsys.readouterr().out
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read("models/mine/commitment.json"))["policy"] == "clip"
    for arguments, words in (
        (["--out", str(out)], "exists; give --overwrite"),
        (["--out", str(tmp_path / "a.tar")], "is a .zip"),
        (["--out", str(tmp_path / "b.zip"), "--identifier", "a/b"], "letters, digits"),
        (["--out", str(tmp_path / "b.zip"), "--regions", "V1:h1"], "REGION=STATE"),
        (["--out", str(tmp_path / "b.zip"), "--regions", "V1=h1"], "the states are V1, V2, V4, IT"),
        (["--out", str(tmp_path / "b.zip"), "--steps", "40"], "statistics"),
        (["--out", str(tmp_path / "b.zip"), "--model", "rnn2"], "no trained weights are bundled"),
    ):
        with pytest.raises(cortexsim.errors.CortexsimError, match=words):
            main(["package", *arguments])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_a_strangers_card_cannot_put_code_into_the_plugin(tmp_path):
    from cortexsim.models.weights import save_weights

    net = cortexsim.load("cortex4")
    evil = tmp_path / "evil.safetensors"
    save_weights(
        net,
        evil,
        {"name": '"""\nraise SystemExit("run")\n"""', "preprocessing": net.card["preprocessing"]},
    )
    with zipfile.ZipFile(package(evil, tmp_path / "evil.zip")) as archive:
        text = archive.read("models/evil/model.py").decode()
    assert "SystemExit" in text.split('"""')[1]  # in the docstring, as words
    compile(text, "model.py", "exec")
    assert text.count('"""') == 6
