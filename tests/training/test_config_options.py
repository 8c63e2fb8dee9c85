"""The command line.

One option a field, a message and an exit status for every mistake, no traceback.
"""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys

import pytest

from cortexsim.cli import parse
from cortexsim.experiments.train.config import TrainConfig

from .helpers import as_arguments

COMMAND = [sys.executable, "-m", "cortexsim.train"]


FIELDS = {f.name: f for f in dataclasses.fields(TrainConfig)}


# A value other than the default for every field, as one would type it.
TYPED = {
    "model": ("--model tiny30", "tiny30"),
    "data": ("--data a/b.npz", "a/b.npz"),
    "train_count": ("--train-count 10", 10),
    "limit": ("--limit 5", 5),
    "name": ("--name cortex4-seed7", "cortex4-seed7"),
    "kernels": ("--kernels bfloat16", "bfloat16"),
    "out": ("--out some/where", "some/where"),
    "epochs": ("--epochs 3", 3),
    "recipe": ("--recipe modern", "modern"),
    "lr": ("--lr 0.5", 0.5),
    "schedule": ("--schedule cosine", "cosine"),
    "warmup": ("--warmup 1.5", 1.5),
    "lr_drops": ("--lr-drops 3 7 9", (3, 7, 9)),
    "batch_size": ("--batch-size 8", 8),
    "optimizer": ("--optimizer adamw", "adamw"),
    "momentum": ("--momentum 0", 0.0),
    "weight_decay": ("--weight-decay 1e-4", 1e-4),
    "decay_all": ("--no-decay-all", False),
    "label_smoothing": ("--label-smoothing 0.1", 0.1),
    "ema": ("--ema 0.5", 0.5),
    "cutout": ("--cutout 3", 3),
    "pad": ("--pad 0", 0),
    "flip": ("--no-flip", False),
    "readout": ("--readout 4 5", (4, 5)),
    "supervise": ("--supervise all", ("all",)),
    "random_readout": ("--random-readout 4 6", (4, 6)),
    "inhomogeneous": ("--no-inhomogeneous", False),
    "norm": ("--norm shared", "shared"),
    "calibrate_to": ("--calibrate-to 12", 12),
    "seed": ("--seed 7", 7),
    "device": ("--device cuda:1", "cuda:1"),
    "precision": ("--precision bfloat16", "bfloat16"),
    "compile": ("--compile", True),
    "channels_last": ("--no-channels-last", False),
    "threads": ("--threads 2", 2),
    "checkpoint_seconds": ("--checkpoint-seconds 0.2", 0.2),
    "validate_every": ("--validate-every 5", 5),
    "suite": ("--suite paper", "paper"),
    "jobs": ("--jobs 3", 3),
    "accumulate": ("--accumulate 2", 2),
    "presentation": ("--presentation random-soa", "random-soa"),
    "from_weights": ("--from cortex4", "cortex4"),
    "checkpoint_activations": ("--checkpoint-activations", True),
    "workers": ("--workers 2", 2),
    "rest_rate": ("--rest-rate 0.5", 0.5),
    "bias_rate": ("--bias-rate 8", 8.0),
    "fixed_norm": ("--fixed-norm", True),
    "whitening": ("--whitening frozen", "frozen"),
    "alternating_flip": ("--alternating-flip", True),
    "small_size": ("--small-size 24", 24),
    "small_share": ("--small-share 0.25", 0.25),
    "hold_out": ("--hold-out 100", 100),
    "mirror_test": ("--mirror-test", True),
    "plan": ("--plan", True),
}


def parsed(line: str) -> TrainConfig:
    return parse(TrainConfig, line.split(), "train", "")


def test_without_options_every_field_has_its_default():
    assert parsed("") == TrainConfig()


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_an_option(name):
    typed, value = TYPED[name]
    assert value != FIELDS[name].default
    assert parsed(typed) == TrainConfig(**{name: value})
    assert type(getattr(parsed(typed), name)) is type(value)


def test_all_options_at_once_come_back_as_typed():
    # It excludes --supervise.
    typed = {name: pair for name, pair in TYPED.items() if name != "random_readout"}
    config = TrainConfig(**{name: value for name, (_, value) in typed.items()})
    assert parsed(" ".join(line for line, _ in typed.values())) == config
    assert parsed(" ".join(as_arguments(config))) == config


def test_help_explains_every_option_and_shows_its_default():
    ended = subprocess.run(
        [*COMMAND, "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
        timeout=600,
    )
    assert ended.returncode == 0
    said = " ".join(ended.stdout.split())
    for name, field in FIELDS.items():
        text = field.metadata["help"]
        assert len(text) > 5
        option_and_text = rf"--{name.replace('_', '-')}[ ,][^()]*?{re.escape(text)}"
        value = field.default
        shown = re.escape(" ".join(value) if isinstance(value, tuple) else str(value))
        default = "" if value is None or value is False else rf" \(default: {shown}\)"
        assert re.search(option_and_text + default, said), name


def test_help_needs_no_torch():
    code = (
        "import sys, cortexsim.train as t\n"
        "try: t.main(['--help'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.DEVNULL, timeout=600
        ).returncode
        == 0
    )


def test_the_default_folder_is_named_after_the_model():
    assert TrainConfig(model="tiny30").folder == "runs/tiny30"
    assert TrainConfig(model="tiny30", out="a").folder == "a"
