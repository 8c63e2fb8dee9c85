"""The command line: one option a field, a message and an exit status for every mistake, no traceback."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from cortexsim.cli import option, parse, parser_for, run
from cortexsim.errors import CortexsimError
from cortexsim.experiments.train.config import TrainConfig
from cortexsim.train import main

from .helpers import Run, as_arguments, settings

COMMAND = [sys.executable, "-m", "cortexsim.train"]
FIELDS = {f.name: f for f in dataclasses.fields(TrainConfig)}

# A value other than the default for every field, as one would type it.
TYPED = {
    "model": ("--model tiny30", "tiny30"),
    "data": ("--data a/b.npz", "a/b.npz"),
    "train_count": ("--train-count 10", 10),
    "limit": ("--limit 5", 5),
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
}


def parsed(line: str) -> TrainConfig:
    return parse(TrainConfig, line.split(), "train", "")


def failed(arguments, capsys) -> tuple[int, str]:
    """Exit status of the training command and the last thing it said."""
    with pytest.raises(SystemExit) as ended:
        run(lambda: main([str(a) for a in arguments]))
    return ended.value.code, capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ options


def test_without_options_every_field_has_its_default():
    assert parsed("") == TrainConfig()


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_an_option(name):
    typed, value = TYPED[name]
    assert value != FIELDS[name].default
    assert parsed(typed) == TrainConfig(**{name: value})
    assert type(getattr(parsed(typed), name)) is type(value)


def test_all_options_at_once_come_back_as_typed():
    typed = {
        name: pair for name, pair in TYPED.items() if name != "random_readout"
    }  # it excludes --supervise
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
        default = (
            ""
            if field.default is None or field.default is False
            else rf" \(default: {re.escape(' '.join(field.default) if isinstance(field.default, tuple) else str(field.default))}\)"
        )
        assert re.search(option_and_text + default, said), name


def test_help_needs_no_torch():
    code = "import sys, cortexsim.train as t\ntry: t.main(['--help'])\nexcept SystemExit: sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.DEVNULL, timeout=600
        ).returncode
        == 0
    )


@pytest.mark.parametrize(
    "line", ["--modle x", "--epochs many", "--norm batch", "--precision half", "--readout", "stray"]
)
def test_what_cannot_be_parsed_is_status_2_with_the_usage(line, capsys):
    status, said = failed(line.split(), capsys)
    assert status == 2
    assert said.startswith("usage: python -m cortexsim.train")
    assert "error: " in said


def test_the_default_folder_is_named_after_the_model():
    assert TrainConfig(model="tiny30").folder == "runs/tiny30"
    assert TrainConfig(model="tiny30", out="a").folder == "a"


# ------------------------------------------------------------------------------------------------ any dataclass


@dataclass(frozen=True)
class Toy:
    where: str = option(text="a 50 % share")
    count: int = option(3, "how many")
    size: float | None = option(None, "how large")
    names: tuple[str, ...] = option((), "called what", metavar="NAME")
    loud: bool = option(False, "or not")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("here", Toy("here")),
        ("here --count 4 --size 2", Toy("here", 4, 2.0)),
        ("--names a b --loud -- here", Toy("here", names=("a", "b"), loud=True)),
    ],
)
def test_any_dataclass_is_a_command_line(line, expected):
    assert parse(Toy, line.split(), "toy", "") == expected


def test_a_field_without_default_is_a_required_argument(capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(Toy, [], "toy", "")
    assert "required: where" in capsys.readouterr().err
    shown = parser_for(Toy, "toy", "").format_help()
    assert "a 50 % share" in shown
    assert "how many (default: 3)" in shown
    assert "NAME" in shown


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (CortexsimError("three found, two expected"), 1, "error: three found, two expected\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_our_errors_are_a_message_and_a_status(error, status, message, capsys):
    def fail():
        raise error

    with pytest.raises(SystemExit) as ended:
        run(fail)
    assert (ended.value.code, capsys.readouterr().err) == (status, message)


def test_errors_that_are_not_ours_keep_their_traceback():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(fail)


# ------------------------------------------------------------------------------------------------ the training command


def test_the_command_trains_and_ends_with_status_0(crops, tmp_path):
    config = settings(crops(8, 64), tmp_path, epochs=1)
    with pytest.raises(SystemExit) as ended:
        run(lambda: main(as_arguments(config)))
    assert ended.value.code == 0
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads(
        json.dumps(vars(config.resolved()))
    )
    assert len(Run(tmp_path).metrics) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--model cortx4", "no network is called 'cortx4'; did you mean cortex4"),
        ("--model nothing-like-it", "The zoo: cortex4, "),
        ("--epochs 0", "--epochs is 0; it must be at least 1"),
        ("--lr -1", "--lr is -1.0; it must be at least 0"),
        ("--batch-size 0", "--batch-size is 0; it must be at least 1"),
        ("--limit -5", "--limit is -5; it must be at least 1"),
        ("--validate-every 0", "--validate-every is 0; it must be at least 1"),
        ("--readout 2", "never populated"),
        ("--supervise first", "--supervise is 'first'; give last, all, or steps, e.g. 4 6 8"),
        ("--supervise last all", "--supervise is 'last all'"),
        ("--supervise 0 5", "--supervise is '0 5'"),
        (
            "--supervise 2 5",
            "--supervise asks for the readout at step 2, but IT can be read at step 4-5 only",
        ),
        (
            "--supervise 4",
            "--supervise leaves out step 5, the readout time of the network; add it, or change it with",
        ),
        (
            "--random-readout 3 5",
            "--random-readout asks for the readout at step 3, but IT can be read at step 4-5 only",
        ),
        ("--random-readout 6 8", "--random-readout leaves out step 5"),
        ("--random-readout 6 4", "--random-readout is 6 4; give the first step and the last"),
        ("--random-readout 4 5 --supervise all", "exclude each other"),
        ("--label-smoothing 1", "--label-smoothing is 1.0; it must be below 1"),
        ("--ema 1", "--ema is 1.0; it must be below 1"),
        ("--optimizer nesterov --momentum 0", "--optimizer nesterov needs a --momentum above 0"),
        ("--optimizer adamw --momentum 1", "--optimizer adamw needs a --momentum (beta 1) below 1"),
        ("--calibrate-to 3", "--calibrate-to 3 is before the readout at step 5"),
        ("--device warp", "device 'warp' is not known; use auto, cpu, cuda or cuda:N"),
        ("--train-count 64", "say how many of the first are for training"),
        ("--data nowhere.npz", "no training data at 'nowhere.npz'"),
    ],
)
def test_a_mistake_is_one_line_and_status_1(crops, tmp_path, capsys, line, message):
    status, said = failed(
        [*as_arguments(settings(crops(8, 64), tmp_path / "run")), *line.split()], capsys
    )
    assert status == 1
    assert said.startswith("error: ")
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_missing_gpu_is_said(crops, tmp_path, capsys):
    status, said = failed(
        [*as_arguments(settings(crops(8, 64), tmp_path)), "--device", "cuda"], capsys
    )
    assert status == 1
    assert "torch finds no CUDA device; use --device cpu" in said


def test_images_that_fit_no_state_are_an_error_of_ours(pictures, tmp_path, capsys):
    np.savez(tmp_path / "a.npz", x=pictures[0][:64, :12, :12], y=pictures[1][:64])
    status, said = failed(as_arguments(settings(tmp_path / "a.npz", tmp_path / "run")), capsys)
    assert status == 1
    assert "12 x 12 pixels; both must be multiples of 8" in said.splitlines()[-1]


def test_as_a_program_without_data_and_network(tmp_path):
    """The documented command on a machine that is offline: what was sought, where from, where to put it."""
    offline = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    environment = (
        {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"}
        | offline
        | {"CORTEXSIM_CACHE": str(tmp_path / "cache")}
    )
    ended = subprocess.run(
        [*COMMAND, "--out", "run"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=600,
    )
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(
        f"error: cifar10 is not in {tmp_path / 'cache'} and could not be downloaded from https://www.cs.toronto.edu/"
    )
    assert "CORTEXSIM_CACHE" in last
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "run").exists()
