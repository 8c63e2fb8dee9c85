"""Folders as ImageNet has them.

Small photographs in several formats, streamed, cropped, resumed in the middle of an epoch.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from cortexsim.errors import CortexsimError, StimulusError, TrainingError
from cortexsim.models import build
from cortexsim.stimuli import imagenet
from cortexsim.stimuli.imagenet import load_tree
from cortexsim.training import feeding
from cortexsim.training.distributed import World
from cortexsim.training.feeding import Streamed, feed_of

from .helpers import Run, as_arguments, images_for, kill, same, session_of, settings, train

CLASSES = ("n01440764", "n01443537", "n01484850")


FORMATS = {0: ("L", "JPEG"), 1: ("CMYK", "JPEG"), 2: ("P", "png")}


@pytest.fixture(scope="module")
def photographs(pictures, tmp_path_factory):
    """36 training and 9 validation images of CIFAR-10, enlarged to sizes of 90 to 330 pixels.

    Grey, CMYK, palette, colour.
    """
    root, rng = tmp_path_factory.mktemp("inet") / "ilsvrc", np.random.default_rng(0)
    pixels = iter(pictures[0])
    for part, count in (("train", 12), ("val", 3)):
        for c in CLASSES:
            (root / part / c).mkdir(parents=True)
            for k in range(count):
                mode, suffix = FORMATS.get(k, ("RGB", "JPEG"))
                height, width = map(int, rng.integers(90, 330, 2))
                image = Image.fromarray(next(pixels)).resize((width, height)).convert(mode)
                image.save(root / part / c / f"{c}_{k}.{suffix}")
    return root


@pytest.fixture
def copied(photographs, tmp_path):
    """A tree of links to the same files, to spoil."""
    for file in photographs.rglob("*.*"):
        target = tmp_path / "tree" / file.relative_to(photographs)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)
    return tmp_path / "tree"


# The command with images of 32 x 32 pixels: only what comes of the size itself needs more.
SMALL = (
    "import sys; from cortexsim.cli import run; from cortexsim.stimuli import imagenet; from "
    "cortexsim.train import main; imagenet.SIZE, imagenet.RESIZED = 32, 40; run(lambda: "
    "main(sys.argv[1:]))"
)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(imagenet, "SIZE", 32)
    monkeypatch.setattr(imagenet, "RESIZED", 40)


def asked(root, out, **changes):
    """Three steps of four images."""
    default = {
        "train_count": None,
        "limit": 12,
        "batch_size": 4,
        "epochs": 1,
        "workers": 0,
        "model": "cortex4-adjacent",
    }
    return settings(f"imagenet:{root}", out, **{**default, **changes})


def test_the_processes_of_a_run_read_their_parts_only(photographs, tmp_path):
    config = asked(photographs, tmp_path)
    tree, index = images_for(config), torch.tensor([7, 2, 11, 4])
    seen = []
    for world in (World(), World(0, 2), World(1, 2)):
        feed = feed_of(tree, config, world=world, device=torch.device("cpu"), batch=4)
        assert isinstance(feed, Streamed)
        feed.begin(0, [index])
        seen.append((feed.images(index, torch.Generator()), feed.labels(index)))
    for k in (0, 1):
        assert torch.equal(seen[0][k], torch.cat([seen[1][k], seen[2][k]]))


@pytest.mark.slow
def test_a_run_killed_in_the_middle_of_an_epoch_ends_in_the_same_bits(photographs, tmp_path, small):
    train(asked(photographs, tmp_path / "whole"), log=lambda text: None)
    whole = Run(tmp_path / "whole")
    for call in (2, 3, 4):
        folder = tmp_path / f"killed{call}"
        config = asked(photographs, folder, checkpoint_seconds=0.0)
        kill(config, call)
        said: list[str] = []
        train(config, log=said.append)
        assert f"continuing at step {call - 1} of 3" in said[0]
        assert Run(folder).losses == whole.losses
        assert Run(folder).bytes == whole.bytes


@pytest.mark.slow
def test_the_command_trains_cortex4_imagenet_with_workers(photographs, tmp_path):
    config = asked(
        photographs, tmp_path / "run", model="cortex4-imagenet", limit=8, workers=2, threads=1
    )
    command = [sys.executable, "-m", "cortexsim.train", *as_arguments(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    run = Run(tmp_path / "run")
    assert run.card["data"] == {
        "name": "ilsvrc",
        "train": 8,
        "test": 9,
        "sha256": load_tree(photographs).limited(8).sha256(),
        "notes": ["images are streamed; sha256 is that of their names and classes"],
    }
    assert run.card["preprocessing"]["size"] == [224, 224]
    assert np.isfinite(run.metrics[0]["loss"])


@pytest.mark.slow
def test_workers_do_not_change_what_is_computed(photographs, tmp_path, small):
    train(asked(photographs, tmp_path / "none"), log=lambda text: None)
    two = dataclasses.replace(asked(photographs, tmp_path / "two"), workers=2)
    done = subprocess.run(
        [sys.executable, "-c", SMALL, *as_arguments(two)], capture_output=True, timeout=600
    )
    assert done.returncode == 0
    assert same(Run(tmp_path / "none"), Run(tmp_path / "two"))


@pytest.fixture
def spoilt(copied):
    """Two of the training images: one cut off, one that is none."""
    bad = [copied / "train" / CLASSES[0] / f"{CLASSES[0]}_{k}.JPEG" for k in (0, 11)]
    whole = bad[0].read_bytes()
    for file, content in zip(bad, (whole[: len(whole) // 2], b"no image"), strict=True):
        file.unlink()
        file.write_bytes(content)
    return bad


def names_both(message, copied, spoilt):
    return f"2 images under {copied} cannot be read" in message and all(
        f"train/{CLASSES[0]}/{f.name}: " in message for f in spoilt
    )


def test_files_that_cannot_be_read_are_named(copied, spoilt, tmp_path, small):
    config = asked(copied, tmp_path / "run", limit=None, batch_size=36)
    with pytest.raises(CortexsimError) as refused:
        train(config, log=lambda text: None)
    assert names_both(str(refused.value), copied, spoilt)
    assert "Replace them by sound copies" in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_the_command_names_them_too(copied, spoilt, tmp_path, workers):
    config = asked(copied, tmp_path / "run", limit=None, batch_size=36, workers=workers)
    command = [sys.executable, "-c", SMALL, *as_arguments(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert names_both(done.stderr, copied, spoilt)
    assert "Replace them by sound copies" in done.stderr


def test_a_folder_that_is_not_there_and_presentations_are_refused(photographs, tmp_path):
    with pytest.raises(StimulusError, match="no such folder"):
        load_tree(tmp_path / "nowhere")
    config = asked(photographs, tmp_path / "run", presentation="random-soa")
    with pytest.raises(TrainingError, match="cannot be combined"):
        session_of(config)


def test_the_states_of_cortex4_imagenet_have_the_sizes_of_its_graph():
    net = build("cortex4-imagenet").train()
    with torch.no_grad():
        *_, (_, states) = net.unroll(
            torch.zeros(1, 3, 224, 224).normal_(generator=torch.Generator().manual_seed(0)), 4
        )
    assert {k: tuple(v.shape[1:]) for k, v in states.items()} == {
        "V1": (32, 56, 56),
        "V2": (64, 28, 28),
        "V4": (128, 14, 14),
        "IT": (256, 7, 7),
    }


def test_statistics_are_estimated_on_batches_of_all_classes(photographs, tmp_path, small):
    """Files lie class by class, and a row is normalised by its batch while it is estimated."""
    session = session_of(asked(photographs, tmp_path, limit=None))
    tree = session.images
    names = dict(zip(tree.files["train"], tree.labels["train"], strict=True))
    seen = []
    real = imagenet.stream

    def note(tree, part, batches, **more):
        seen.extend([names[tree.files[part][k]] for k in batch] for batch in batches)
        return real(tree, part, batches, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imagenet, "stream", note)
        patch.setattr(feeding, "EVALUATION_VALUES", 9 * 3 * 32 * 32)
        assert len(session.feed.sample(cropped=True)) == 36
    assert [np.bincount(batch).tolist() for batch in seen] == [[3, 3, 3]] * 4


def test_a_limit_that_leaves_classes_without_an_image_is_refused(photographs, tmp_path):
    with pytest.raises(TrainingError, match=r"`limit=2` leaves some of the 3 .* at least 3"):
        session_of(asked(photographs, tmp_path, limit=2, batch_size=2))
    with pytest.raises(TrainingError, match="`pad=2` does nothing with images that are read"):
        session_of(asked(photographs, tmp_path, pad=2))
